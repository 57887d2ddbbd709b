#include "daemon/intake/taps.h"

namespace edgetide {

void Taps::forget_closed() {
  std::erase_if(taps_, [](const std::shared_ptr<Tap>& tap) { return tap.use_count() == 1; });
}

void Taps::offer_readings(const Batch& batch, const SeriesTable& series) {
  forget_closed();
  for (const auto& tap : taps_) {
    if (!tap->is_of(batch.source)) continue;
    for (const Reading& reading : batch.readings) {
      tap->offer(TappedReading{series.shared(reading.series), reading.event_time, batch.arrival->wall, reading.value});
    }
  }
}

void Taps::offer_rows(const Emission& emission, const Pipeline& pipeline) {
  forget_closed();
  for (const auto& tap : taps_) {
    for (const Row& row : emission.rows) {
      if (!tap->is_of(row.window)) continue;
      const auto first = emission.values.begin() + row.first_value;
      tap->offer(TappedRow{{pipeline.key_of(row), row.start, row.end, row.state, row.revision},
                           {first, first + static_cast<std::ptrdiff_t>(tap->schema().columns.size())},
                           emission.epoch});
    }
  }
}

}  // namespace edgetide
