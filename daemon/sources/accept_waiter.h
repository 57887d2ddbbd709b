// Offers batches of one source and waits for the answer, for a library that acknowledges a message when its callback
// returns. A source with an event loop does not need it.
//
// While it waits, the batches of other sources join the same sync.
//
// Thread: `accept` from one, `stop` from another. Owns: nothing. Fails: never.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <utility>

#include "daemon/service/mutex.h"
#include "daemon/sources/source.h"

namespace edgetide {

class AcceptWaiter final : public SourceEvents {
 public:
  using GetLiveness = std::function<std::optional<Liveness>()>;
  using Waited = std::chrono::steady_clock::duration;
  using MayWaitOn = std::function<bool(Waited)>;
  // `may_wait_on` is asked now and then whether `accept` may wait for longer.
  AcceptWaiter(
      SourceHost& host, SourceId source, GetLiveness get_liveness = [] { return std::nullopt; },
      MayWaitOn may_wait_on = [](Waited) { return true; })
      : host_(host), source_(source), get_liveness_(std::move(get_liveness)), may_wait_on_(std::move(may_wait_on)) {}
  ~AcceptWaiter() override { stop(); }
  AcceptWaiter(const AcceptWaiter&) = delete;
  AcceptWaiter& operator=(const AcceptWaiter&) = delete;

  // Before the first `accept`.
  void start();
  // `accept` is false from now on, also one that waits. The host knows of this no longer.
  void stop() noexcept;

  // Blocks until the batch is durable. False: it was not taken, or may not be waited for, and must not be acknowledged.
  bool accept(const DecodedBatch& batch) noexcept;

  void room_available() noexcept override;
  void durable(std::uint64_t through) noexcept override;
  void set_blocking(bool allowed) noexcept override;
  std::optional<Liveness> liveness(SourceId) noexcept override { return get_liveness_(); }

 private:
  using Time = std::chrono::steady_clock::time_point;
  bool wait_for_room(std::uint64_t seen, std::optional<Time>& since);
  bool wait_for_disk(std::uint64_t record, std::optional<Time>& since);
  bool wait_a_turn(MutexLock& lock, std::optional<Time>& since) REQUIRES(mutex_);
  std::uint64_t rooms() const;
  bool may_wait() const REQUIRES(mutex_) { return blocking_ && started_; }

  SourceHost& host_;
  const SourceId source_;
  const GetLiveness get_liveness_;
  const MayWaitOn may_wait_on_;
  mutable Mutex mutex_;
  Condition changed_;
  std::uint64_t rooms_ GUARDED_BY(mutex_) = 0;  // how often there was room again
  std::uint64_t durable_ GUARDED_BY(mutex_) = 0;
  bool blocking_ GUARDED_BY(mutex_) = true;
  bool started_ GUARDED_BY(mutex_) = false;
};

}  // namespace edgetide
