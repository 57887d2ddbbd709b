#include "pipeline/carried_reading.h"

#include "pipeline/slot_bytes.h"

namespace edgetide {

void CarriedReadings::save(ByteWriter& out) const {
  if (!needed_) return;
  const auto bits = [](double value) { return std::bit_cast<std::uint64_t>(value); };
  out.u32(static_cast<std::uint32_t>(keys_.size()));
  for (const CarriedReading& key : keys_) {
    out.numbers(key.time.count(), bits(key.counter.last), bits(key.counter.base), bits(key.counter.before));
  }
}

void CarriedReadings::load(ByteReader& in) {
  if (!needed_) return;
  const auto real = [&] { return std::bit_cast<double>(in.u64()); };
  const std::size_t saved = load_count(in, keys_.size());
  for (std::size_t i = 0; in.ok() && i < saved; ++i) {
    keys_[i].time = in.time();
    for (double* const number : {&keys_[i].counter.last, &keys_[i].counter.base, &keys_[i].counter.before}) {
      *number = real();
      in.require(!std::isinf(*number));
    }
  }
}

}  // namespace edgetide
