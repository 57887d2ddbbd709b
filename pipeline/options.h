// What the pipeline is given once, at construction. Filled by config/, or by hand in tests.
//
// Thread: plain values, any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/aggregate.h"
#include "pipeline/enum_word.h"
#include "pipeline/formula.h"
#include "pipeline/reading.h"
#include "pipeline/time.h"
#include "pipeline/time_zone.h"
#include "pipeline/window_kind.h"

namespace edgetide {

enum class BadTimePolicy : std::uint8_t {
  quarantine,   // refuse and keep the reading aside
  use_arrival,  // accept the reading with its arrival time; counted as restamped
  drop,         // refuse
};
inline constexpr EnumWord<BadTimePolicy> bad_time_policy_words[] = {{BadTimePolicy::quarantine, "quarantine"},
                                                                    {BadTimePolicy::use_arrival, "use_arrival"},
                                                                    {BadTimePolicy::drop, "drop"}};

// Whose readings move the watermark that judges a reading.
enum class WatermarkScope : std::uint8_t {
  sensor,  // its series'
  source,  // all active series of its source: their minimum
  global,  // all active sources: their minimum
  stream,  // its source's, whatever the series: the newest of all
};
inline constexpr EnumWord<WatermarkScope> watermark_scope_words[] = {{WatermarkScope::sensor, "sensor"},
                                                                     {WatermarkScope::source, "source"},
                                                                     {WatermarkScope::global, "global"},
                                                                     {WatermarkScope::stream, "stream"}};

// How event times of one source are judged.
struct TimeOptions {
  // The watermark of a series trails its newest event time by this. Larger: later rows, fewer late readings.
  Duration max_out_of_orderness = Duration::seconds(10);
  // A series is idle after this much listening time without a reading. Duration::unlimited() switches idleness off.
  Duration idle_timeout = Duration::minutes(1);
  WatermarkScope scope = WatermarkScope::sensor;
  // Event times further than this ahead of arrival are refused. Duration::unlimited() switches the rule off.
  Duration max_future = Duration::minutes(5);
  // Event times older than this at arrival are refused. Duration::unlimited() switches the rule off.
  Duration oldest = Duration::days(7);
  BadTimePolicy on_bad_time = BadTimePolicy::quarantine;
};

struct SourceOptions {
  std::string name;
  TimeOptions time;
  bool is_awaited = true;  // minimums wait for its first reading, for idle_timeout of listening time at most
};

// Which readings a window takes. A list of globs (glob.h) that is empty takes everything.
struct MatchOptions {
  struct LabelGlobs {
    std::string label;
    std::vector<std::string> globs;
  };
  std::vector<std::string> source;
  std::vector<std::string> sensor;
  std::vector<std::string> metric;
  std::vector<LabelGlobs> labels;  // all of them; a series without the label has the text ""
  double min = -std::numeric_limits<double>::infinity();
  double max = std::numeric_limits<double>::infinity();
};

// Of the rows of one window start that are emitted at a firing, only the n with the largest `by`, in that order.
struct TopOptions {
  std::size_t n = 0;  // Requires: > 0
  Aggregate by;       // Requires: one of the window's aggregates
  bool operator==(const TopOptions&) const = default;
};

// A metric that is computed from others of the same sensor and window. Its value stands in `avg`.
struct DerivedMetric {
  struct Input {
    std::string metric;
    Aggregate aggregate;  // Requires: one of the window's aggregates
  };
  std::string metric;
  std::vector<Input> inputs;  // in the order in which the formula takes them
  std::shared_ptr<const Formula> formula;
};

// What the row of a window without readings says.
enum class Fill : std::uint8_t {
  none,  // that there were none
  last,  // and the value before it, where an aggregate could have it
};
inline constexpr EnumWord<Fill> fill_words[] = {{Fill::none, "none"}, {Fill::last, "last"}};

inline constexpr EnumWord<bool> deduplicate_words[] = {{false, "none"}, {true, "event_time"}};

struct WindowOptions {
  std::string name;
  WindowKind kind = WindowKind::tumbling;
  Duration size = Duration::minutes(1);       // tumbling, sliding. Requires: > 0
  Duration slide = Duration::minutes(1);      // sliding. Requires: 0 < slide <= size, size / gcd <= max_panes
  Duration gap = Duration::minutes(1);        // session. Requires: > 0
  Duration max_length = Duration::days(1);    // session. Requires: >= gap
  Duration offset;                            // tumbling, sliding
  std::shared_ptr<const TimeZone> time_zone;  // none: UTC. Requires: size and slide are whole days
  std::vector<SourceId> inputs;
  MatchOptions match;
  std::vector<std::string> group_by;  // "sensor", "metric" or labels; empty: by series, or
  bool one_group = false;             // all together. Requires: no group_by
  bool cube = false;                  // Requires: group_by has 1 to max_cube_columns columns
  std::vector<Aggregate> aggregates = {Aggregate::count, Aggregate::min, Aggregate::max, Aggregate::avg,
                                       Aggregate::last};
  std::size_t merge_only = 0;  // so many of them, the last ones, only the rows of some sinks have (mergeable.h)
  // A closed window is corrected by late readings for this long (of event time). Costs state for that long.
  Duration allowed_lateness;
  // Rows are emitted at ticks, at most once per trigger of running time.
  Duration trigger = Duration::seconds(10);  // Requires: > 0
  bool deduplicate = false;                  // by series and event time. Requires: not running
  bool emit_empty = false;                   // Requires: tumbling or sliding, not grouped, no top
  Fill fill = Fill::none;                    // Requires: emit_empty and tumbling, where it is `last`
  // How long a value holds that no other follows, for time_weighted_avg and `fill`.
  Duration hold = Duration::unlimited();
  // A counter that falls below this share of its highest reading is reset, or has a low reading (counter_track.h).
  double reset_below = 0.5;  // Requires: 0 to 1
  bool complete = false;     // all rows that are not final are emitted when any is
  std::optional<TopOptions> top;
  std::vector<DerivedMetric> derived;  // Requires: not grouped, not session; aggregates hold count and avg
};

inline constexpr std::size_t max_windows = 64;
inline constexpr std::int64_t max_panes = 10'000;  // size / gcd(size, slide)
inline constexpr std::size_t max_cube_columns = 4;

// What is remembered of evicted series: at most so many for each of max_series, and so large a part of the memory.
inline constexpr std::size_t evicted_per_series = 4;
inline constexpr std::size_t evicted_part_of_memory = 16;
inline constexpr std::size_t max_evicted_groups = 16'384;  // of one definition

// How what a snapshot names is made again: the formula of a text, the time zone of a name; null, if it cannot be.
struct DefinitionMakers {
  std::function<std::shared_ptr<const Formula>(const std::string&)> formula;
  std::function<std::shared_ptr<const TimeZone>(const std::string&)> time_zone;
};

struct PipelineOptions {
  TimeOptions default_time;  // of sources that set nothing, and of replayed readings that name no source
  std::vector<SourceOptions> sources;
  std::vector<WindowOptions> windows;  // Limit: max_windows
  std::size_t max_series = 20'000;
  std::size_t new_series_per_minute = 600;  // of each source, once half of max_series are there
  // Of state. At the limit, a reading that needs more is refused: of a new series, in a new window, or where an
  // aggregate would keep more than it does.
  std::size_t max_memory_bytes = 64 * 1024 * 1024;
  // Of one epoch, about. What is due beyond it leaves at the next tick, of each window definition the oldest first.
  std::size_t max_epoch_rows = 50'000;
  DefinitionMakers makers;
  std::uint64_t hash_seed = 0;  // where it is random, peers cannot foresee hashes; it changes no result
};

}  // namespace edgetide
