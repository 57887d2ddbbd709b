// Where sources meet the pipeline: one lock, under which a batch is stamped with its arrival, its series are found or
// added, and the pipeline applies it. A tick takes the same lock and hands the rows of its epoch to the couriers.
//
// There is no queue on the way in: back-pressure is this lock, and the wait while a sink that may not drop rows is
// full.
//
// Thread: `accept`, `connected`, `disconnected`, `notice` from source threads; `tick`, `close` from the main thread.
// Owns:   nothing; the gateway owns pipeline, clock and couriers, and they outlive the intake's users.
// Fails:  `accept` is false once closed. What cannot be taken is refused and counted, one reading at a time.
#pragma once

#include <array>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

#include "daemon/clock.h"
#include "daemon/courier.h"
#include "daemon/enrichment/enrichment.h"
#include "daemon/row_selection.h"
#include "daemon/sources/source.h"
#include "pipeline/pipeline.h"

namespace edgetide {

class Quarantine;
struct QuarantineCounters;

// The last refusal of a source, for the log.
struct RefusalSample {
  Refusal reason{};
  std::string where;
  std::uint32_t offset = 0;
};

class Intake final : public SourceHost {
 public:
  struct Route {
    RowSelection selection;
    Courier* courier;
  };

  Intake(Pipeline& pipeline, const Clock& clock, std::vector<std::string> source_names);

  // Requires: no source has started, or the tables were read again.
  void set_tables(std::vector<std::shared_ptr<const SensorTable>> tables);

  // Requires: no source has started.
  void add_route(Route route) { routes_.push_back(std::move(route)); }

  // What enters no window is kept there. Requires: no source has started.
  void set_quarantine(Quarantine& quarantine) noexcept { quarantine_ = &quarantine; }

  bool accept(SourceId source, const DecodedBatch& batch) noexcept override;
  void connected(SourceId source, std::string_view peer) noexcept override;
  void disconnected(SourceId source, std::string_view reason) noexcept override;
  void notice(SourceId source, std::string_view text) noexcept override;

  void tick(Fire fire);
  void stop_waiting();  // from now on `accept` is false rather than wait for room
  void close();         // from now on `accept` is false
  void room();          // a courier that was full has room again

  // Calls read(const Pipeline&) under the lock.
  template <typename Read>
  auto inspect(Read&& read) const {
    const std::lock_guard lock(mutex_);
    return read(static_cast<const Pipeline&>(pipeline_));
  }
  RefusalSample last_refusal(SourceId source) const;
  std::uint64_t rows_emitted() const;
  QuarantineCounters quarantine_counters() const;  // Requires: a quarantine

 private:
  bool held_back() const;
  SeriesId series_of(SourceId source, const DecodedBatch& batch, const DecodedReading& reading);

  const Clock& clock_;
  const std::vector<std::string> source_names_;
  const std::uint64_t run_;  // of every epoch
  std::vector<Route> routes_;

  mutable std::mutex mutex_;
  std::condition_variable room_;
  Pipeline& pipeline_;                // guarded by mutex_
  Enrichment enrichment_;             // guarded by mutex_
  Quarantine* quarantine_ = nullptr;  // what it points to is guarded by mutex_
  bool waiting_allowed_ = true;
  bool closed_ = false;
  std::vector<RefusalSample> samples_;  // by source
  std::vector<Reading> readings_;       // kept for its buffer
  Emission emission_;                   // kept for its buffer
  std::uint64_t rows_emitted_ = 0;
};

}  // namespace edgetide
