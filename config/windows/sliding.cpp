// [windows.NAME] with type = "sliding".
#include <numeric>
#include <string>

#include "config/key_spec.h"
#include "config/parts.h"
#include "config/windows/aligned_windows.h"
#include "pipeline/time_text.h"

namespace edgetide {

namespace {

const KeyGroup& sliding_keys() {
  using namespace keys;
  static const KeyGroup group = on_reload(
      OnReload::new_window,
      {"[windows.NAME] with type = \"sliding\"",
       "",
       {
           required(duration("size", WindowOptions().size, shortest_window, Duration::unlimited(),
                             "The length of a window.")),
           required(duration("slide", WindowOptions().slide, shortest_window, Duration::unlimited(),
                             "The distance between the starts of windows; at most `size`. `size` holds at most "
                             "10000 times the greatest common divisor of both.")),
       }});
  return group;
}

void check_slide(const Section& section, const WindowOptions& window) {
  if (window.slide > window.size) {
    return section.error("slide", "slide is longer than size: readings between windows would be lost");
  }
  const std::int64_t pane = std::gcd(window.size.count(), window.slide.count());
  if (window.size.count() / pane <= max_panes) return;
  section.error("slide", "size and slide have a greatest common divisor of " + to_text(Duration::microseconds(pane)) +
                             ": a window would be kept in more than " + std::to_string(max_panes) + " parts");
}

void read_sliding(const Section& section, WindowOptions& window) {
  section.read("size", window.size);
  section.read("slide", window.slide);
  check_slide(section, window);
  read_aligned_window(section, "slide", window);
}

}  // namespace

WindowPart sliding_window() {
  return {{.meaning = "`sliding`: of one size, one every `slide`.",
           .library = "",
           .keys = {&sliding_keys(), &aligned_window_keys()}},
          WindowKind::sliding,
          read_sliding};
}

}  // namespace edgetide
