// [windows.NAME] with type = "session".
#include "config/key_spec.h"
#include "config/parts.h"

namespace edgetide {

namespace {

constexpr Duration shortest_session_time = Duration::microseconds(1);

const KeyGroup& session_keys() {
  using namespace keys;
  static const KeyGroup group =
      on_reload(OnReload::new_window,
                {"[windows.NAME] with type = \"session\"",
                 "",
                 {
                     required(duration("gap", WindowOptions().gap, shortest_session_time, Duration::unlimited(),
                                       "A session ends when no reading arrives for this long.")),
                     duration("max_length", WindowOptions().max_length, shortest_session_time, Duration::unlimited(),
                              "A longer session is cut at the multiples of this, in UTC; at least `gap`."),
                 }});
  return group;
}

void read_session(const Section& section, WindowOptions& window) {
  section.read("gap", window.gap);
  section.read("max_length", window.max_length);
  if (window.max_length < window.gap) section.error("max_length", "max_length is shorter than gap");
}

}  // namespace

WindowPart session_window() {
  return {{.meaning = "`session`: from the first reading until none came for `gap`.",
           .library = "",
           .keys = {&session_keys()}},
          WindowKind::session,
          read_session};
}

}  // namespace edgetide
