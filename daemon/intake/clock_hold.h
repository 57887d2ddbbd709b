// Readings that wait for the clock. After a boot it may be wrong until it is synchronised; until then it is unknown to
// which window a reading belongs, or whether its time is bad.
//
// Held batches keep the running time at which they came. Once the clock is right, `release` gives them in their order,
// and `stamped` each its arrival by that clock; readings without an event time take it. Running time does not know
// how long the daemon was down: readings held across a restart are stamped as if it took no time.
//
// Thread: one owner at a time (the intake lock). Fails: never; `load` leaves the reader not `ok`.
// Limit:  `max_readings`, 24 bytes each; when it is `full`, intake is held back.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "pipeline/bytes.h"
#include "pipeline/pipeline.h"

namespace edgetide {

// The wall time of a batch that came before the clock was set, and of its readings without a time.
constexpr Timestamp time_not_known = Timestamp::earliest();

struct HeldBatch {
  SourceId source{};
  Duration running;  // when it came
  std::vector<Reading> readings;
};

// Its arrival by a clock that is right `now`; readings without an event time take it. Valid as long as `held`.
inline Batch stamped(HeldBatch& held, Moment now) {
  const Moment arrival{now.wall - (now.running - held.running), held.running};
  for (Reading& reading : held.readings) {
    if (reading.event_time == time_not_known) reading.event_time = arrival.wall;
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

  // What waited, in its order, to be stamped; holds none any more.
  std::vector<HeldBatch> release() noexcept {
    readings_ = 0;
    return std::exchange(batches_, {});
  }

  void save(ByteWriter& out) const;
  void load(ByteReader& in);

 private:
  std::vector<HeldBatch> batches_;
  std::size_t readings_ = 0;
};

}  // namespace edgetide
