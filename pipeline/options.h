// What the pipeline is told once, at construction. Filled by config/, or by hand in tests.
//
// Thread: plain values, any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "pipeline/aggregate.h"
#include "pipeline/reading.h"
#include "pipeline/time.h"

namespace edgetide {

enum class BadTimePolicy : std::uint8_t {
  quarantine,   // refuse and keep the reading aside (until there is a quarantine file: as drop)
  use_arrival,  // accept the reading with its arrival time; counted as restamped
  drop,         // refuse
};

// How event times of one source are judged.
struct TimeOptions {
  // The watermark of a series trails its newest event time by this. Larger: later rows, fewer late readings.
  Duration max_out_of_orderness = Duration::seconds(10);
  // A series is idle after this much listening time without a reading. Duration::unlimited() switches idleness off.
  Duration idle_timeout = Duration::minutes(1);
  // Event times further than this ahead of arrival are refused. Duration::unlimited() switches the rule off.
  Duration max_future = Duration::minutes(5);
  // Event times older than this at arrival are refused. Duration::unlimited() switches the rule off.
  Duration oldest = Duration::days(7);
  BadTimePolicy on_bad_time = BadTimePolicy::quarantine;
};

struct SourceOptions {
  std::string name;
  TimeOptions time;
};

// A tumbling window: half-open [start, start + size), start = floor((t - offset) / size) * size + offset.
struct WindowOptions {
  std::string name;
  Duration size = Duration::minutes(1);  // Requires: > 0
  Duration offset;
  std::vector<SourceId> inputs;
  std::vector<Aggregate> aggregates = {Aggregate::count, Aggregate::min, Aggregate::max, Aggregate::avg,
                                       Aggregate::last};
  // A closed window is corrected by late readings for this long (of event time). Costs state for that long.
  Duration allowed_lateness;
  // Rows leave at ticks, at most once per trigger of running time.
  Duration trigger = Duration::seconds(10);  // Requires: > 0
};

inline constexpr std::size_t windows_max = 64;

struct PipelineOptions {
  TimeOptions default_time;  // of sources that set nothing, and of replayed readings that name no source
  std::vector<SourceOptions> sources;
  std::vector<WindowOptions> windows;  // Limit: windows_max
  std::size_t max_series = 20'000;
};

}  // namespace edgetide
