// A copy of what passes, for `edgetide tap`: the readings of one source as they are accepted, or the rows of one window
// as they are emitted. A slow reader misses some and learns how many.
//
// Thread: `offer` under the intake lock, `take` from the reader's thread.
// Limit:  max_entries wait; what comes then is dropped and counted.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <variant>
#include <vector>

#include "daemon/service/mutex.h"
#include "pipeline/reading.h"
#include "sinks/row_batch.h"

namespace edgetide {

struct TappedReading {
  std::shared_ptr<const Series> series;
  Timestamp event_time;
  Timestamp arrival;
  double value;
};

struct TappedRow {
  SinkRow row;
  std::vector<double> values;
  std::uint64_t epoch;
};

using Tapped = std::variant<TappedReading, TappedRow>;

class Tap {
 public:
  static constexpr std::size_t max_entries = 2000;

  explicit Tap(SourceId source) : of_(source) {}
  // `schema` names the row's columns.
  Tap(WindowId window, WindowSchema schema) : of_(window), schema_(std::move(schema)) {}

  bool is_of(SourceId source) const noexcept { return of_ == Of(source); }
  bool is_of(WindowId window) const noexcept { return of_ == Of(window); }
  const WindowSchema& schema() const noexcept { return schema_; }

  void offer(Tapped entry) {
    const MutexLock lock(mutex_);
    if (waiting_.entries.size() >= max_entries) {
      ++waiting_.dropped;
    } else {
      waiting_.entries.push_back(std::move(entry));
    }
  }

  struct Taken {
    std::vector<Tapped> entries;
    std::uint64_t dropped = 0;  // after these
  };
  Taken take() {
    const MutexLock lock(mutex_);
    return std::exchange(waiting_, {});
  }

 private:
  using Of = std::variant<SourceId, WindowId>;
  const Of of_;
  const WindowSchema schema_;
  Mutex mutex_;
  Taken waiting_ GUARDED_BY(mutex_);
};

}  // namespace edgetide
