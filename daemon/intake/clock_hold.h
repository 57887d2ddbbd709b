// Readings that wait for the clock. After a boot it may be wrong until it is synchronised; until then it is unknown to
// which window a reading belongs, or whether its time is bad.
//
// Held batches keep the running time at which they came. Once the clock is right, `release` gives them in their order,
// and `stamped` each its arrival by that clock; readings without an event time take it, or count theirs from it.
// Each batch is applied with the options that took it, also where the daemon was started with edited ones meanwhile:
// `apply_held`.
// Running time does not know how long the daemon was down: readings held across a restart are stamped as if it took no
// time.
//
// Thread: one owner at a time (the intake lock). Fails: never; `load` leaves the reader not `ok`.
//         `apply_held` says how many readings it could not apply, as their options cannot be made any more.
// Limit:  `max_readings`, 24 bytes each; when it is `full`, intake is held back.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "pipeline/bytes.h"
#include "pipeline/pipeline.h"

namespace edgetide {

// The wall time of a batch that came before the clock was set, and of its readings without a time.
constexpr Timestamp time_not_known = Timestamp::earliest();

// The event time of one whose time counts from that arrival: a distance from a time that no reading has.
constexpr Duration max_from_arrival = Duration::seconds(1 << 28);  // not reached, to either side
constexpr Timestamp arrival_not_known = time_not_known + max_from_arrival + max_from_arrival;

inline Timestamp event_time_not_known(Duration from_arrival) noexcept {
  return from_arrival == Duration() ? time_not_known : arrival_not_known + from_arrival;
}
inline bool counts_from_arrival(Timestamp event_time) noexcept {
  return arrival_not_known - max_from_arrival < event_time && event_time < arrival_not_known + max_from_arrival;
}

struct HeldBatch {
  SourceId source{};  // by the options that took it
  Duration running;   // when it came
  std::vector<Reading> readings;
  static constexpr std::uint32_t present = std::numeric_limits<std::uint32_t>::max();
  std::uint32_t options = present;  // that took it: the number of former ones
};

// Its arrival by a clock that is right `now`, with the times of readings that depend on it. Valid as long as `held`.
inline Batch stamped(HeldBatch& held, Moment now) {
  const Moment arrival{now.wall - (now.running - held.running), held.running};
  for (Reading& reading : held.readings) {
    if (reading.event_time == time_not_known) reading.event_time = arrival.wall;
    if (counts_from_arrival(reading.event_time)) {
      reading.event_time = arrival.wall + (reading.event_time - arrival_not_known);
    }
  }
  return {held.source, arrival, held.readings};
}

class ClockHold {
 public:
  static constexpr std::size_t max_readings = 200'000;

  void add(HeldBatch batch) {
    readings_ += batch.readings.size();
    if (!batch.readings.empty()) batches_.push_back(std::move(batch));
  }
  bool empty() const noexcept { return batches_.empty(); }
  bool full() const noexcept { return readings_ >= max_readings; }
  std::size_t readings() const noexcept { return readings_; }
  const std::vector<HeldBatch>& batches() const noexcept { return batches_; }
  Duration newest_running() const noexcept { return empty() ? Duration() : batches_.back().running; }

  // What waits was taken with these (options_bytes.h), what is added from now on with others.
  void change_options(const std::string& before);
  const std::vector<std::string>& former_options() const noexcept { return options_; }
  // For a hold that gets batches of those.
  void know_options(std::vector<std::string> former) noexcept { options_ = std::move(former); }

  // What waited, in its order, to be applied; holds none any more.
  struct Released {
    std::vector<HeldBatch> batches;
    std::vector<std::string> options;
  };
  Released release() noexcept {
    readings_ = 0;
    return {std::exchange(batches_, {}), std::exchange(options_, {})};
  }

  void save(ByteWriter& out) const;
  void load(ByteReader& in);
  // Apart, since states of earlier versions do not have them. `load` comes first.
  void save_options(ByteWriter& out) const;
  void load_options(ByteReader& in);

 private:
  std::vector<HeldBatch> batches_;
  std::vector<std::string> options_;
  std::size_t readings_ = 0;
};

// Into the pipeline, by a clock that is right `now`. Where others than its own options took a batch, it goes over to
// those and back, as a reload does. `applied(batch)`: after each of them, with the options that took it. Returns how
// many readings are lost.
std::uint64_t apply_held(ClockHold::Released held, Moment now, Pipeline& pipeline,
                         const std::function<void(const Batch&)>& applied);

}  // namespace edgetide
