#include "config/windows/aligned_windows.h"

#include <string>
#include <string_view>
#include <vector>

#include "config/key_spec.h"
#include "config/spelling.h"
#include "config/time_zone_table.h"

namespace edgetide {

namespace {

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

}  // namespace

const KeyGroup& aligned_window_keys() {
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

void read_aligned_window(const Section& section, WindowOptions& window) {
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

}  // namespace edgetide
