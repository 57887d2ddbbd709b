// [windows.NAME] with type = "tumbling".
#include "config/key_spec.h"
#include "config/parts.h"
#include "config/windows/aligned_windows.h"

namespace edgetide {

namespace {

const KeyGroup& tumbling_keys() {
  using namespace keys;
  static const KeyGroup group =
      on_reload(OnReload::new_window, {"[windows.NAME] with type = \"tumbling\"",
                                       "",
                                       {
                                           required(duration("size", WindowOptions().size, shortest_window,
                                                             Duration::unlimited(), "The length of a window.")),
                                           word("fill", fill_words, WindowOptions().fill,
                                                "With `emit_empty`: `last` puts the value before an empty window into "
                                                "those of its columns that show a value: `min`, `max`, `avg`, `first`, "
                                                "`last`, `mode`, percentiles and `time_weighted_avg`."),
                                       }});
  return group;
}

void read_tumbling(const Section& section, WindowOptions& window) {
  section.read("size", window.size);
  read_aligned_window(section, "size", window);
  section.read_word("fill", window.fill, fill_words);
  if (window.fill != Fill::none && !window.emit_empty) section.error("fill", "fill needs emit_empty = true");
}

}  // namespace

WindowPart tumbling_window() {
  return {{.meaning = "`tumbling`: windows of one size, side by side.",
           .library = "",
           .keys = {&tumbling_keys(), &aligned_window_keys()}},
          WindowKind::tumbling,
          read_tumbling};
}

}  // namespace edgetide
