#include "daemon/intake/clock_hold.h"

#include <bit>

namespace edgetide {

namespace {
constexpr std::uint64_t batch_bytes_min = 16, reading_bytes = 20;
}

void ClockHold::save(ByteWriter& out) const {
  out.u32(static_cast<std::uint32_t>(batches_.size()));
  for (const HeldBatch& batch : batches_) {
    out.u32(index_of(batch.source));
    out.u64(static_cast<std::uint64_t>(batch.running.count()));
    out.u32(static_cast<std::uint32_t>(batch.readings.size()));
    for (const Reading& reading : batch.readings) {
      out.u32(index_of(reading.series));
      out.time(reading.event_time);
      out.u64(std::bit_cast<std::uint64_t>(reading.value));
    }
  }
}

void ClockHold::load(ByteReader& in) {
  *this = {};
  const std::uint32_t batches = in.u32();
  if (!in.has(batches, batch_bytes_min)) return;
  for (std::uint32_t i = 0; i < batches && in.ok(); ++i) {
    HeldBatch batch;
    batch.source = SourceId{in.u32()};
    batch.running = Duration::microseconds(static_cast<std::int64_t>(in.u64()));
    const std::uint32_t readings = in.u32();
    if (!in.has(readings, reading_bytes)) return;
    for (std::uint32_t j = 0; j < readings; ++j) {
      const SeriesId series{in.u32()};
      const Timestamp time = in.time();
      batch.readings.push_back({series, time, std::bit_cast<double>(in.u64())});
    }
    add(std::move(batch));
  }
}

}  // namespace edgetide
