#include "daemon/intake/clock_hold.h"

#include <bit>
#include <optional>

#include "pipeline/options_bytes.h"

namespace edgetide {

namespace {
constexpr std::uint64_t batch_bytes_min = 16, reading_bytes = 20;

// False: as it was.
bool go_over(Pipeline& pipeline, const std::string& options) {
  auto loaded = load_options(options, pipeline.options());
  if (!loaded) return false;
  Pipeline next(*std::move(loaded));
  if (next.restore(pipeline.snapshot(), Connections::go_on)) return false;
  next.take_over_changed();
  pipeline = std::move(next);
  return true;
}

}  // namespace

std::uint64_t apply_held(ClockHold::Released held, Moment now, Pipeline& pipeline,
                         const std::function<void(const Batch&)>& applied) {
  const std::string present = options_bytes(pipeline.options());
  std::uint32_t current = HeldBatch::present;
  const auto has_options = [&](std::uint32_t wanted) {
    if (wanted == current) return true;
    if (!go_over(pipeline, wanted == HeldBatch::present ? present : held.options[wanted])) return false;
    current = wanted;
    return true;
  };
  std::uint64_t lost = 0;
  for (HeldBatch& batch : held.batches) {
    if (has_options(batch.options) && index_of(batch.source) < pipeline.options().sources.size()) {
      const Batch whole = stamped(batch, now);
      pipeline.apply(whole);
      applied(whole);
    } else {
      lost += batch.readings.size();
    }
  }
  static_cast<void>(has_options(HeldBatch::present));
  return lost;
}

void ClockHold::change_options(const std::string& before) {
  bool any = false;
  for (HeldBatch& batch : batches_) {
    if (batch.options != HeldBatch::present) continue;
    batch.options = static_cast<std::uint32_t>(options_.size());
    any = true;
  }
  if (any) options_.push_back(before);
}

void ClockHold::save_options(ByteWriter& out) const {
  out.u32(static_cast<std::uint32_t>(options_.size()));
  for (const std::string& options : options_) out.text(options);
  for (const HeldBatch& batch : batches_) out.u32(batch.options);
}

void ClockHold::load_options(ByteReader& in) {
  const std::uint32_t count = in.u32();
  if (!in.has(count, 4)) return;
  for (std::uint32_t i = 0; i < count; ++i) options_.emplace_back(in.text());
  for (HeldBatch& batch : batches_) {
    batch.options = in.u32();
    in.require(batch.options == HeldBatch::present || batch.options < count);
  }
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
