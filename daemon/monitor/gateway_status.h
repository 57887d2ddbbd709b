// The status of the gateway at one moment: the values behind the metrics, the status page and `edgetide status`.
//
// Units:  times in UTC microseconds of the gateway's wall clock as it is `now`, also of what was before it was set;
//         counters since the start, except reading outcomes,
//         which continue across restarts.
// Owns:   everything; copies of names and numbers, no reference into the gateway.
// Thread: plain values.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <string>
#include <vector>

#include "daemon/intake/shifted_times.h"
#include "daemon/intake/source_traffic.h"
#include "daemon/monitor/watermark_range.h"
#include "daemon/service/duration_histogram.h"
#include "daemon/sources/source.h"
#include "pipeline/counters.h"
#include "pipeline/emission.h"
#include "pipeline/enum_word.h"
#include "pipeline/time.h"

namespace edgetide {

enum class StatusDetail {
  numbers,  // what metrics need
  sensors,  // also windows by their start, and the sensors that a page shows
};

enum class SensorChoice {
  all,
  late,    // some reading arrived after the end of its windows
  silent,  // idle
  skewed,  // bad times, or a clock ahead of ours by more than 1 s, or behind by more than 1 min
};
inline constexpr EnumWord<SensorChoice> sensor_choice_words[] = {{SensorChoice::all, "all"},
                                                                 {SensorChoice::late, "late"},
                                                                 {SensorChoice::silent, "silent"},
                                                                 {SensorChoice::skewed, "skewed"}};

// One metric of one sensor.
struct SensorStatus {
  std::string source;
  std::string sensor;
  std::string metric;
  std::string unit;
  std::optional<Timestamp> newest;      // event time; none: only bad ones arrived
  std::optional<Timestamp> watermark;   // none: no reading yet, or a source is awaited
  Duration silence;                     // since the newest arrival, refused or not, while its source was connected
  std::optional<TimeShift> shift;       // how its times are off
  std::optional<Duration> clock_ahead;  // event time less arrival, of the newest arrival, as near as is known
  bool idle = false;                    // silent for idle_timeout
  double value = 0;                     // NaN: none since the start
  std::uint64_t late_accepted = 0;
  std::uint64_t late_dropped = 0;
  std::uint64_t bad_time = 0;
};

struct SourceStatus {
  std::string name;
  std::string kind;           // the `type` of its configuration
  bool acknowledges = false;  // false: best effort
  bool connected = false;
  std::uint64_t messages = 0;  // or lines
  std::uint64_t bytes = 0;
  std::uint64_t inexact = 0;  // values: integers that a double does not hold
  Counters counters;
  Counters counters_before;  // of these, before the start
  DelayHistogram delays;
  std::size_t series = 0;
  std::size_t idle_series = 0;
  WatermarkRange watermark;
  std::string last_refusal;                          // printable; empty: none
  std::vector<RouteWithoutReading> without_reading;  // of its messages
  std::uint64_t lost_sessions = 0;
  TurnedAwayCounts turned_away{};  // connections
  std::optional<FileCounts> files;
  std::vector<ShiftedSensor> shifted_sensors;  // the first that were found
  bool has_more_shifted_sensors = false;
  std::uint64_t mixed = 0;  // readings that are counted together with others of their time
  std::vector<MixedLabels> mixed_labels;
  std::string impairment;        // printable; empty: it works
  std::string connection_error;  // printable; why it is not connected, as far as it is known
  std::string refuses_series;    // why new series were refused within the last minute; empty: none was
  bool awaited = false;          // watermarks of several sources wait for its first reading
};

// Windows with the same start and end, of all sensors.
struct WindowSpan {
  Timestamp start;
  Timestamp end;
  std::size_t windows = 0;
};

struct WindowStatus {
  std::string name;
  std::string kind;  // tumbling, sliding, session, running
  Duration allowed_lateness;
  Duration trigger;
  std::size_t open = 0;                                                  // that are not final
  std::array<std::uint64_t, std::size(emitted_states)> rows_by_state{};  // by RowState
  std::uint64_t rows_of(RowState state) const noexcept { return rows_by_state[static_cast<std::size_t>(state)]; }
  std::uint64_t early = 0;
  std::uint64_t on_time = 0;
  std::uint64_t late = 0;
  WatermarkRange watermark;
  std::vector<WindowSpan> spans;  // the newest, by start; only if asked for
};

struct SinkStatus {
  std::string name;
  std::string kind;                    // the `type` of its configuration
  std::string rows_go_to;              // a table or a stream
  std::string delivery;                // exactly_once or at_least_once
  std::size_t max_delivery_rows = 0;   // of one delivery
  std::size_t max_delivery_bytes = 0;  // of one delivery
  bool connected = false;
  std::uint64_t rows = 0;
  std::uint64_t rejected_rows = 0;
  std::uint64_t dropped_rows = 0;
  std::optional<Duration> rows_lost_ago;  // the last that were dropped or rejected; none: not since the start
  std::uint64_t lost_records = 0;         // of the outbox on disk, missing or damaged
  std::uint64_t lost_rows = 0;            // in these, at most
  std::uint64_t failures = 0;             // all but those in doubt
  std::uint64_t in_doubt = 0;
  WriteHistogram writes;  // durations of deliveries, successful or not
  std::size_t outbox_rows = 0;
  std::size_t spilled_rows = 0;  // of these, on disk
  std::uint64_t memory_bytes = 0;
  std::uint64_t disk_bytes = 0;
  std::uint64_t max_bytes = 0;
  bool full = false;                         // it holds intake back
  Duration max_lag = Duration::unlimited();  // that a row may wait
  std::optional<Timestamp> oldest;           // when the oldest unconfirmed row was emitted; none: the outbox is empty
  std::string error;                         // printable; empty if all is well
  bool needs_person = false;                 // only somebody who acts can mend that
  bool taken_over = false;                   // by another instance; its rows wait for `edgetide sink take`
  std::uint64_t redelivered_rows = 0;        // because the store had lost them
  std::string set_back;                      // printable; when the store went back in time, what it lacks; empty: never
};

struct StorageStatus {
  std::string intake_held;  // why no reading is taken; empty if all is well, as the others
  std::string journal_error;
  std::uint64_t journal_bytes = 0;
  std::uint64_t journal_max_bytes = 0;
  std::uint64_t journal_written_bytes = 0;
  std::uint64_t journal_unsynced_bytes = 0;
  std::uint64_t failed_syncs = 0;
  std::string checkpoint_error;
  std::optional<Timestamp> checkpoint_at;
  Duration checkpoint_interval;
  Duration checkpoint_took;
  std::uint64_t checkpoints = 0;
  std::uint64_t checkpoint_bytes = 0;
  std::uint64_t quarantine_kept = 0;  // readings, as the others
  std::uint64_t quarantine_not_kept = 0;
  std::uint64_t quarantine_removed = 0;  // also messages
  std::uint64_t quarantine_messages_kept = 0;
  std::uint64_t quarantine_messages_not_kept = 0;
  std::string quarantine_error;
};

struct ReloadStatus {
  bool successful = true;
  Timestamp at;             // of the last one, or of the start
  std::string reason = {};  // printable; why it failed
};

struct ProcessFacts {
  double cpu_seconds = 0;
  std::uint64_t resident_bytes = 0;
  std::uint64_t open_files = 0;
  std::uint64_t max_open_files = 0;
  std::uint64_t threads = 0;
};

struct GatewayStatus {
  std::string id;
  std::string version;
  Timestamp now;
  Timestamp started_at;
  Duration since_tick;  // time since the last tick
  std::uint64_t epoch = 0;
  std::size_t series = 0;
  std::size_t series_limit = 0;
  std::uint64_t state_bytes = 0;
  std::uint64_t state_reserved_bytes = 0;  // for rows of open windows, which count towards the limit
  std::uint64_t state_max_bytes = 0;
  std::uint64_t resent_messages = 0;
  std::uint64_t unchanged_readings = 0;
  std::uint64_t forgotten_positions = 0;
  std::vector<SourceStatus> sources;
  std::vector<WindowStatus> windows;
  std::vector<SinkStatus> sinks;
  StorageStatus storage;
  ReloadStatus reload;
  ProcessFacts process;
  std::optional<Duration> clock_set_within;  // windows wait for the clock, for so long at most; none: they do not
  std::size_t held_readings = 0;             // that wait for it
  std::string listener_error;                // why [http] or [metrics] does not listen; empty: they do, or are not to
  std::string control_error;                 // why there is no control socket; empty: there is one
  // Only if asked for, ten of each at most:
  std::vector<SensorStatus> newest_sensors;
  std::vector<SensorStatus> late_sensors;    // the most late readings first
  std::vector<SensorStatus> skewed_sensors;  // with bad times, the clock that is furthest off first
};

// The counters of all sources together.
inline Counters total_of(const std::vector<SourceStatus>& sources) noexcept {
  Counters total;
  for (const SourceStatus& source : sources) total += source.counters;
  return total;
}

}  // namespace edgetide
