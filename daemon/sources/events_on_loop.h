// What the host tells a source, on the thread of the event loop, so that a source on the loop needs no lock. Such a
// source, or what several of them share (socket_loop.h), derives from this.
//
// Thread: `offer` and what a derived class overrides run on the loop's.
// Life:   attached -> detached -> the task of a `call` has run -> destroyed: what was posted before has run then.
// Fails:  never.
#pragma once

#include <cstdint>

#include "daemon/service/event_loop.h"
#include "daemon/sources/source.h"

namespace edgetide {

class EventsOnLoop : public SourceEvents {
 public:
  // Both outlive this.
  EventsOnLoop(SourceHost& host, EventLoop& loop) : host_(host), loop_(loop) {}

  SourceHost& host() noexcept { return host_; }
  EventLoop& loop() noexcept { return loop_; }

  void room_available() noexcept final {
    loop_.post([this] { offer_again(); });
  }
  void durable(std::uint64_t through) noexcept final {
    loop_.post([this, through] { acknowledge(through); });
  }
  void set_blocking(bool allowed) noexcept final {
    loop_.post([this, allowed] {
      blocking_ = allowed;
      offer_again();
    });
  }

 protected:
  // As `try_accept`, but nothing is held while nothing may wait: it is closed then.
  Acceptance offer(SourceId source, const DecodedBatch& batch) {
    const Acceptance acceptance = host_.try_accept(source, batch);
    const bool may_wait = acceptance.answer != Acceptance::Answer::held || blocking_;
    return may_wait ? acceptance : Acceptance();
  }

  // What was held, if anything is: the host may have room, or what waits is to be given up.
  virtual void offer_again() = 0;
  // What was taken up to this record.
  virtual void acknowledge(std::uint64_t through) = 0;

 private:
  SourceHost& host_;
  EventLoop& loop_;
  bool blocking_ = true;  // the loop's thread only, while it runs
};

}  // namespace edgetide
