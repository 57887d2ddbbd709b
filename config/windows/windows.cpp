// [windows.NAME] with type = "tumbling", "sliding", "session" or "running": the keys that only some kinds have.
#include <numeric>
#include <string>
#include <string_view>
#include <vector>

#include "config/key_spec.h"
#include "config/parts.h"
#include "config/spelling.h"
#include "config/time_zone_table.h"
#include "pipeline/time_text.h"

namespace edgetide {

namespace {

constexpr Duration shortest = Duration::microseconds(1);

const KeyGroup& tumbling_keys() {
  using namespace keys;
  static const KeyGroup group = on_reload(
      OnReload::new_window,
      {"[windows.NAME] with type = \"tumbling\"",
       "",
       {
           required(duration("size", WindowOptions().size, shortest, Duration::unlimited(), "The length of a window.")),
       }});
  return group;
}

const KeyGroup& sliding_keys() {
  using namespace keys;
  static const KeyGroup group = on_reload(
      OnReload::new_window,
      {"[windows.NAME] with type = \"sliding\"",
       "",
       {
           required(duration("size", WindowOptions().size, shortest, Duration::unlimited(), "The length of a window.")),
           required(duration("slide", WindowOptions().slide, shortest, Duration::unlimited(),
                             "The distance between the starts of windows; at most `size`. `size` holds at most "
                             "10000 times the greatest common divisor of both.")),
       }});
  return group;
}

const KeyGroup& session_keys() {
  using namespace keys;
  static const KeyGroup group = on_reload(
      OnReload::new_window, {"[windows.NAME] with type = \"session\"",
                             "",
                             {
                                 required(duration("gap", WindowOptions().gap, shortest, Duration::unlimited(),
                                                   "A session ends when no reading arrives for this long.")),
                                 duration("max_length", WindowOptions().max_length, shortest, Duration::unlimited(),
                                          "The maximum length of a session; at least `gap`."),
                             }});
  return group;
}

const KeyGroup& aligned_keys() {
  using namespace keys;
  static const KeyGroup group = on_reload(
      OnReload::new_window,
      {"[windows.NAME] with type = \"tumbling\" or \"sliding\"",
       "",
       {
           duration(
               "offset", Duration(), Duration::days(-36'500), Duration::days(36'500),
               "Shifts the starts of the windows; shorter than `size`. Starts are multiples of `size` (or `slide`) "
               "since 1970, in UTC or in `timezone`."),
           text("timezone", "UTC",
                "A name such as `Europe/Paris`: windows of whole days start at local midnight; days on which "
                "the clocks change have 23 or 25 hours."),
           boolean("emit_empty", false,
                   "Emits rows with count 0 for known sensors that were silent for a whole window."),
       }});
  return group;
}

void read_time_zone(const Section& section, WindowOptions& window) {
  const Node* const node = section.find("timezone");
  std::string name;
  section.read("timezone", name);
  if (node == nullptr || !node->known || name == "UTC") return;
  window.time_zone = time_zone_named(name);
  if (!window.time_zone) {
    const std::vector<std::string> names = time_zone_names();
    const std::vector<std::string_view> views(names.begin(), names.end());
    return section.error("timezone", "the system knows no time zone \"" + name + "\"", did_you_mean(name, views));
  }
  const std::int64_t day = Duration::days(1).count();
  const bool whole_days =
      window.size.count() % day == 0 && (window.kind != WindowKind::sliding || window.slide.count() % day == 0);
  if (!whole_days) section.error("timezone", "with a timezone, size and slide have to be whole days");
}

// What tumbling and sliding windows have in common. Requires: size and slide are read.
void read_aligned(const Section& section, WindowOptions& window) {
  section.read("offset", window.offset);
  const Duration offset = window.offset < Duration() ? Duration() - window.offset : window.offset;
  if (section.find("offset") != nullptr && offset >= window.size) {
    section.error("offset", "offset must be shorter than size");
  }
  const Duration ten_sizes = Duration::microseconds(detail::saturating_mul(window.size.count(), 10));
  if (window.allowed_lateness > ten_sizes) {
    section.warning("allowed_lateness",
                    "allowed_lateness is more than 10 times size: every sensor keeps that many windows in memory");
  }
  read_time_zone(section, window);
  section.read("emit_empty", window.emit_empty);
}

void read_tumbling(const Section& section, WindowOptions& window) {
  window.kind = WindowKind::tumbling;
  section.read("size", window.size);
  read_aligned(section, window);
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
  window.kind = WindowKind::sliding;
  section.read("size", window.size);
  section.read("slide", window.slide);
  check_slide(section, window);
  read_aligned(section, window);
}

void read_session(const Section& section, WindowOptions& window) {
  window.kind = WindowKind::session;
  section.read("gap", window.gap);
  section.read("max_length", window.max_length);
  if (window.max_length < window.gap) section.error("max_length", "max_length is shorter than gap");
}

void read_running(const Section& /*section*/, WindowOptions& window) {
  window.kind = WindowKind::running;
}

}  // namespace

WindowPart tumbling_window() {
  return {{.name = "tumbling",
           .meaning = "`tumbling`: windows of one size, side by side.",
           .library = "",
           .keys = {&tumbling_keys(), &aligned_keys()}},
          read_tumbling};
}

WindowPart sliding_window() {
  return {{.name = "sliding",
           .meaning = "`sliding`: of one size, one every `slide`.",
           .library = "",
           .keys = {&sliding_keys(), &aligned_keys()}},
          read_sliding};
}

WindowPart session_window() {
  return {{.name = "session",
           .meaning = "`session`: from the first reading until none came for `gap`.",
           .library = "",
           .keys = {&session_keys()}},
          read_session};
}

WindowPart running_window() {
  return {{.name = "running", .meaning = "`running`: one for all time.", .library = ""}, read_running};
}

}  // namespace edgetide
