// What a decoded batch brings to the pipeline: its readings by series, and what is refused of it.
//
// Units:  microseconds. Thread: one owner at a time (the intake lock). Fails: a reading that can have no series is
//         refused. Owns: the sensor tables, and buffers of one batch that are kept for the next.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "daemon/enrichment/enrichment.h"
#include "daemon/intake/intake_journal.h"
#include "daemon/intake/message_memory.h"
#include "daemon/intake/mixed_series.h"
#include "daemon/intake/shifted_times.h"
#include "pipeline/pipeline.h"

namespace edgetide {

class BatchReadings {
 public:
  using Tables = std::vector<std::shared_ptr<const SensorTable>>;  // by slot

  explicit BatchReadings(Tables tables) { enrichment_.replace(std::move(tables)); }
  // Another configuration, which may read times in another way.
  void reconfigure(Tables tables) {
    enrichment_.replace(std::move(tables));
    shifted_.clear();
    mixed_.clear();
  }

  // The new messages of a batch. A series that is added stays, and its record in the journal's buffer, also if the
  // batch has to wait.
  void gather(SourceId source, const DecodedBatch& batch, Timestamp arrival, const MessageMemory& messages,
              Pipeline& pipeline, IntakeJournal& journal);

  // Of the last `gather`.
  const std::vector<Reading>& readings() const noexcept { return readings_; }
  const std::vector<RefusedCount>& refused() const noexcept { return refused_; }
  // Series whose times are found to be shifted with these readings.
  std::span<const SeriesId> newly_shifted(Timestamp arrival);
  // How many of them are counted together with one of the same time and other labels, and series that are found to be
  // so with these.
  struct Mixed {
    std::uint64_t readings = 0;
    std::span<const MixedSeries::Pair> found;
  };
  Mixed mixed(SourceId source, const DecodedBatch& batch, const Pipeline& pipeline);

  // How the times of a series are off, if they are (shifted_times.h).
  std::optional<TimeShift> shift_of(SeriesId series) const noexcept { return shifted_.of(series); }

 private:
  void gather(SourceId source, const DecodedBatch& batch, const DecodedReading& reading, Timestamp arrival,
              Pipeline& pipeline, IntakeJournal& journal);
  std::optional<SeriesId> series_of(SourceId source, const DecodedBatch& batch, const DecodedReading& reading,
                                    Pipeline& pipeline, IntakeJournal& journal);

  Enrichment enrichment_;
  ShiftedTimes shifted_;
  MixedSeries mixed_;
  std::vector<Reading> readings_;
  enum class SentTime : std::uint8_t { none, with_zone, local };  // its sender gave it; local: without a zone
  std::vector<SentTime> sent_times_;                              // by reading
  std::vector<RefusedCount> refused_;
  std::vector<SeriesId> newly_shifted_;
};

}  // namespace edgetide
