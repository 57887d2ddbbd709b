// How far what a source has handed over reaches: which of its time is *unheard*, because what was sent then may still
// be on its way. Silence is judged without it, so that no sensor seems silent in a pause of ours or of the network.
//
// Time is heard up to the last sign of life: a batch, bytes of the transport, or a tick where the transport shows none.
// Between two signs more than `patience` apart lies a gap, whose time is unheard until what waited has been read: when
// the source has been quiet for `patience` with nothing left to read, or when it was heard for a whole idle timeout
// since (after that, a sensor that sent nothing is idle without the gap too).
//
// Units:  running time. Thread: one owner at a time (the intake lock). Fails: never.
#pragma once

#include <algorithm>
#include <optional>

#include "daemon/sources/source.h"
#include "pipeline/time.h"

namespace edgetide {

class SourceHearing {
 public:
  // Half the idle timeout, 5 s at most.
  static Duration patience_for(Duration idle_timeout) noexcept {
    return std::min(Duration::microseconds(idle_timeout.count() / 2), Duration::seconds(5));
  }

  // A connection begins.
  void start(Duration now, Duration idle_timeout) noexcept { *this = SourceHearing(now, idle_timeout); }

  // A batch came. `every`: how often there are signs of life at least.
  void hear_batch(Duration now, Duration every) noexcept {
    hear(now, shows_life_ ? patience_ : every);
    heard_batch_at_ = now;
  }
  // Since `from` the process did not run: no sign could be seen.
  void skip(Duration from, Duration now) noexcept {
    from = std::max(from, heard_at_);
    if (now <= from) return;
    gap_ended_at_ = now;
    if (shows_life_ && from - heard_at_ > patience_) return;  // unheard already, until there is a sign
    heard_at_ = from;
    hear(now, Duration());
  }
  // At a tick, with what the transport shows.
  void look(Duration now, const std::optional<Liveness>& life) noexcept {
    shows_life_ = life.has_value();
    waiting_ = life && life->waiting;
    if (!life) {
      heard_at_ = now;
    } else if (!life->waiting) {
      hear(std::clamp(now - life->silent_for, heard_at_, now), patience_);
    }
    if (is_settled(now)) unheard_ = Duration();
  }

  // As of `look`, or of an end of the connection.
  Duration unheard(Duration now) const noexcept {
    const Duration since = now - heard_at_;
    return unheard_ + (since < insignificant ? Duration() : since);
  }

  SourceHearing() = default;

 private:
  static constexpr Duration insignificant = Duration::milliseconds(200);

  SourceHearing(Duration now, Duration idle_timeout) noexcept
      : heard_at_(now),
        heard_batch_at_(now),
        gap_ended_at_(now),
        patience_(patience_for(idle_timeout)),
        idle_timeout_(idle_timeout) {}

  void hear(Duration now, Duration patience) noexcept {
    const Duration gap = now - heard_at_;
    if (gap > patience) {
      unheard_ = unheard_ + gap;
      gap_ended_at_ = now;
    }
    heard_at_ = std::max(heard_at_, now);
  }
  bool is_settled(Duration now) const noexcept {
    if (unheard_ == Duration()) return false;
    if (now - gap_ended_at_ >= idle_timeout_) return true;
    const Duration quiet_since = shows_life_ ? heard_at_ : heard_batch_at_;
    return !waiting_ && now - std::max(quiet_since, gap_ended_at_) >= patience_;
  }

  Duration heard_at_;
  Duration heard_batch_at_;
  Duration gap_ended_at_;
  Duration unheard_;  // of gaps
  Duration patience_ = Duration::unlimited();
  Duration idle_timeout_ = Duration::unlimited();
  bool shows_life_ = false;
  bool waiting_ = false;
};

}  // namespace edgetide
