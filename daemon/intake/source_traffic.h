// What has come from each source since the start: messages, bytes, delays, the last refusal, and messages that gave no
// reading by route and reason, by slot. The counts of
// a source stay with it when a reload moves it to another slot.
//
// Units:  bytes as the source received them; delays are arrival minus event time.
// Owns:   the counts. Thread: one owner at a time (the intake lock). Fails: never.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/decoders/no_reading.h"
#include "daemon/service/duration_histogram.h"
#include "daemon/sources/source.h"
#include "pipeline/reading.h"

namespace edgetide {

// The last refusal of a source, for the log.
struct RefusalSample {
  Refusal reason{};
  std::string where;
  std::uint32_t offset = 0;
};

// A sensor whose times are off (shifted_times.h), as it was found.
struct ShiftedSensor {
  std::string sensor;  // printable
  std::string shift;   // "2h ahead"
  std::string advice;  // what to set
};
inline constexpr std::size_t max_shifted_sensors = 10;  // of a source that are named; more are in `edgetide sensors`

// Series of several things that their labels tell apart (mixed_series.h), by the keys of these labels.
struct MixedLabels {
  std::string keys;    // "cpu"
  std::string text;    // printable: "cpu (cpu0, cpu1)"
  std::string series;  // printable: the first that was found, "host cpu.usage_idle"
};
inline constexpr std::size_t max_mixed_labels = 10;  // of a source that are named

// Of a route: its messages that gave no reading.
struct RouteWithoutReading {
  std::string route;  // its topic as configured; empty: none, or no route took them
  std::array<std::uint64_t, no_reading_count> messages{};  // by NoReading
};
// Of a source. Reloads may bring new ones for ever: what is beyond is counted as this one.
inline constexpr std::size_t max_routes_without_reading = 256;
inline constexpr char other_routes[] = "(others)";

struct SourceTraffic {
  bool connected = false;
  std::uint64_t messages = 0;  // or lines; also those that were known already
  std::uint64_t bytes = 0;
  std::uint64_t inexact = 0;  // values: integers that a double does not hold
  DelayHistogram delays;      // of readings with an event time
  RefusalSample last_refusal;
  std::vector<RouteWithoutReading> without_reading;  // by the time of their first
  std::uint64_t lost_sessions = 0;                   // that the peer has forgotten
  TurnedAwayCounts turned_away{};
  std::string impairment;        // why it may not do its work; empty: it does
  std::string connection_error;  // why it is not connected; empty: it is, or was stopped
  std::vector<ShiftedSensor> shifted;
  bool has_more_shifted = false;
  std::uint64_t mixed = 0;  // readings
  std::vector<MixedLabels> mixed_labels;
};

// `connected` is left to the intake, which knows it by id.
class TrafficCounters {
 public:
  explicit TrafficCounters(std::size_t sources) : traffic_(sources) {}

  const SourceTraffic& of(SourceId slot) const noexcept { return traffic_[index_of(slot)]; }

  void count(SourceId slot, const DecodedBatch& batch) {
    traffic_[index_of(slot)].messages += batch.message_count;
    traffic_[index_of(slot)].bytes += batch.bytes;
    traffic_[index_of(slot)].inexact += batch.inexact;
    for (const MessagesWithoutReading& some : batch.without_reading) count(slot, some);
  }
  void count(SourceId slot, const MessagesWithoutReading& some);
  DelayHistogram& delays(SourceId slot) noexcept { return traffic_[index_of(slot)].delays; }
  void count_lost_session(SourceId slot) noexcept { ++traffic_[index_of(slot)].lost_sessions; }
  void count_turned_away(SourceId slot, TurnedAway why) noexcept {
    ++traffic_[index_of(slot)].turned_away[static_cast<std::size_t>(why)];
  }
  // False: it was so already.
  bool impair(SourceId slot, std::string_view reason);
  void note_connection(SourceId slot, std::string_view error) { traffic_[index_of(slot)].connection_error = error; }
  enum class Named { now, known, beyond_limit };  // beyond_limit: the first that is
  Named name_shifted(SourceId slot, ShiftedSensor sensor);
  void forget_shifted() noexcept;
  void count_mixed(SourceId slot, std::uint64_t readings) noexcept { traffic_[index_of(slot)].mixed += readings; }
  // False: it was so already, or there are too many.
  bool name_mixed(SourceId slot, MixedLabels labels);
  void forget_mixed() noexcept;
  void note_refusal(SourceId slot, const DecodedRefusal& refusal);

  // `former`: by new slot, the one that the source had; a source without one starts at zero.
  void move_to(const std::vector<std::optional<SourceId>>& former);

 private:
  std::vector<SourceTraffic> traffic_;  // by slot
};

}  // namespace edgetide
