// Tells the sources that run when there is room again, and what has become durable.
//
// Owns:   nothing. Thread: any; one call to a source at a time, and none after its `detach` has returned.
// Fails:  never.
#pragma once

#include <cstdint>
#include <map>
#include <optional>

#include "daemon/service/mutex.h"
#include "daemon/sources/source.h"

namespace edgetide {

class SourceListeners {
 public:
  void attach(SourceId source, SourceEvents& events) {
    const MutexLock lock(mutex_);
    events_[source] = &events;
    events.set_blocking(blocking_);
  }
  void detach(SourceId source) {
    const MutexLock lock(mutex_);
    events_.erase(source);
  }

  void room_available() {
    const MutexLock lock(mutex_);
    for (const auto& [source, events] : events_) events->room_available();
  }
  void durable(std::uint64_t through) {
    const MutexLock lock(mutex_);
    for (const auto& [source, events] : events_) events->durable(through);
  }
  // Of the sources that show any.
  std::map<SourceId, Liveness> liveness() {
    const MutexLock lock(mutex_);
    std::map<SourceId, Liveness> all;
    for (const auto& [source, events] : events_) {
      if (const auto life = events->liveness(source)) all.emplace(source, *life);
    }
    return all;
  }
  std::optional<FileCounts> files(SourceId source) const {
    const MutexLock lock(mutex_);
    const auto events = events_.find(source);
    return events == events_.end() ? std::nullopt : events->second->files(source);
  }
  void set_blocking(bool allowed) {
    const MutexLock lock(mutex_);
    blocking_ = allowed;
    for (const auto& [source, events] : events_) events->set_blocking(allowed);
  }

 private:
  mutable Mutex mutex_;
  std::map<SourceId, SourceEvents*> events_ GUARDED_BY(mutex_);
  bool blocking_ GUARDED_BY(mutex_) = true;
};

}  // namespace edgetide
