#include "config/windows/aligned_windows.h"

#include <string>
#include <string_view>
#include <vector>

#include "config/key_spec.h"
#include "config/time_zone_table.h"
#include "pipeline/floor_divide.h"

namespace edgetide {

namespace {

Duration step_of(const WindowOptions& window) {
  return traits_of(window.kind).step(window);
}

void read_time_zone(const Section& section, WindowOptions& window) {
  const Node* const node = section.find("timezone");
  std::string name;
  section.read("timezone", name);
  if (node == nullptr || !node->known || name == "UTC") return;
  window.time_zone = time_zone_or_error(section, "timezone", name);
  if (!window.time_zone) return;
  const std::int64_t day = Duration::days(1).count();
  const bool whole_days = window.size.count() % day == 0 && step_of(window).count() % day == 0;
  if (!whole_days) section.error("timezone", "with a timezone, size and slide have to be whole days");
}

// The value is the day's number of 1970: the first was a Thursday.
constexpr EnumWord<int> weekday_words[] = {{4, "monday"}, {5, "tuesday"},  {6, "wednesday"}, {0, "thursday"},
                                           {1, "friday"}, {2, "saturday"}, {3, "sunday"}};

// Windows of whole weeks start on that day, and not on that of the first of January 1970.
void read_week_start(const Section& section, const std::string& step_key, WindowOptions& window) {
  const bool weeks = step_of(window).count() % Duration::days(7).count() == 0;
  int day = 4;
  section.read_word("week_start", day, weekday_words);
  if (!weeks && section.find("week_start") != nullptr) {
    return section.error("week_start", "week_start needs a " + step_key + " of whole weeks");
  }
  if (!weeks) return;
  const std::int64_t shift = floor_divide(window.offset.count(), Duration::days(1).count());
  if (shift % 7 != 0 && section.find("week_start") == nullptr) {
    const auto start = static_cast<int>(((day + shift) % 7 + 7) % 7);
    section.warning("offset", "weeks begin on Monday, and offset moves them to " +
                                  std::string(word_of(weekday_words, start)) + "; week_start says the day");
  }
  window.offset = window.offset + Duration::days(day);
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
               "since 1970, in UTC or in `timezone`; those of whole weeks since the first `week_start` of 1970."),
           word("week_start", weekday_words, 4,
                "The day on which windows of whole weeks start, at midnight plus `offset`. For sliding windows `slide` "
                "has "
                "to be whole weeks."),
           text("timezone", "UTC",
                "A name such as `Europe/Paris`: windows of whole days start at local midnight; days on which "
                "the clocks change have 23 or 25 hours."),
           boolean("emit_empty", false,
                   "Emits rows with count 0 for known sensors that were silent for a whole window."),
       }});
  return group;
}

void read_aligned_window(const Section& section, const std::string& step_key, WindowOptions& window) {
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
  read_week_start(section, step_key, window);
  section.read("emit_empty", window.emit_empty);
}

}  // namespace edgetide
