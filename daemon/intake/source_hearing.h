// How far what a source has handed over reaches: up to when its silence may be judged. What was sent later is
// *unheard*: it may still be on its way, so no sensor seems silent in a pause of ours or of the network.
//
// It is judged up to the last sign of life: bytes of the transport, or a tick where the transport shows none. A
// connection that begins, a pause of the process, and signs more than `patience` apart are gaps: something may wait
// behind them. Silence is then judged up to where the gap began, until what waited has been read: when the source has
// been quiet for `patience` with nothing left to read, or when it was heard for a whole idle timeout since, other gaps
// not counted (after that, a sensor that sent nothing is idle without the gap too). Each gap settles alone: the end of
// one says nothing of what waits behind a later one.
//
// Where there are other signs than bytes (acknowledgements of TCP), a gap may end before what was lost in it is sent
// again, which TCP does after about as long as the gap was: so long it must be quiet, or heard, then; about two minutes
// at most, which is as long as TCP waits.
//
// Units:  running time. Thread: one owner at a time (the intake lock). Fails: never.
// Limit:  33 gaps that are not settled: those with less than a 32nd of an idle timeout between them are one.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

#include "daemon/sources/source.h"
#include "pipeline/time.h"

namespace edgetide {

class SourceHearing {
 public:
  // Half the idle timeout, 5 s at most.
  static Duration patience_for(Duration idle_timeout) noexcept {
    return std::min(Duration::microseconds(idle_timeout.count() / 2), Duration::seconds(5));
  }

  // A connection begins, or is listened to again.
  void start(Duration now, Duration idle_timeout) noexcept {
    *this = SourceHearing(now, idle_timeout);
    begin_gap(now, now);
  }

  void hear_batch(Duration now) noexcept {
    if (shows_life_ && !has_other_signs_) hear(now);
    heard_bytes_at_ = now;
  }
  // Since `from` the process did not run: no sign could be seen.
  void skip(Duration from, Duration now) noexcept {
    from = std::max(from, heard_at_);
    if (now <= from) return;
    const bool unheard_before = shows_life_ && from - heard_at_ > patience_;
    begin_gap(unheard_before ? heard_at_ : from, now);
  }
  // At a tick, with what the transport shows.
  void look(Duration now, const std::optional<Liveness>& life) noexcept {
    if (life) {
      has_other_signs_ = life->absent_for.has_value();
      if (!life->waiting) check_signs(now, *life);
    } else if (has_other_signs_) {
      hear(now);  // its last peer has gone, and may come again with what it could not send
      has_other_signs_ = false;
    } else {
      heard_at_ = now;
    }
    shows_life_ = life.has_value();
    waiting_ = life && life->waiting;
    settle(now);
    std::erase_if(gaps_, [&](const Gap& gap) {
      return now - in_gaps_ - gap.last_ended >= std::max(idle_timeout_, gap.patience);
    });
  }

  // As of `look`, or of an end of the connection.
  Duration unheard(Duration now) const noexcept {
    const Duration since = now - (gaps_.empty() ? heard_at_ : std::min(gaps_.front().began, heard_at_));
    return since < insignificant ? Duration() : since;
  }

  SourceHearing() = default;

 private:
  static constexpr Duration insignificant = Duration::milliseconds(200);
  static constexpr std::int64_t parts_of_idle_timeout = 32;
  static constexpr Duration most_patience = Duration::seconds(130);

  struct Gap {
    Duration began;
    Duration first_ended, last_ended;  // of those that are one, without the gaps up to then
    Duration patience;
  };

  SourceHearing(Duration now, Duration idle_timeout) noexcept
      : heard_at_(now),
        heard_bytes_at_(now),
        gap_ended_at_(now),
        patience_(patience_for(idle_timeout)),
        near_(Duration::microseconds(idle_timeout.count() / parts_of_idle_timeout)),
        idle_timeout_(idle_timeout) {}

  void check_signs(Duration now, const Liveness& life) noexcept {
    const Duration bytes_at = std::clamp(now - life.silent_for, heard_bytes_at_, now);
    if (!life.absent_for) {
      hear(std::max(heard_at_, bytes_at));
    } else if (*life.absent_for > Duration()) {
      heard_at_ = std::min(heard_at_, now - *life.absent_for);
    } else {
      hear(now);
    }
    heard_bytes_at_ = bytes_at;
  }
  void hear(Duration now) noexcept {
    if (now - heard_at_ > patience_) {
      settle(now);
      begin_gap(heard_at_, now, has_other_signs_);
    }
    heard_at_ = std::max(heard_at_, now);
  }
  void begin_gap(Duration from, Duration now, bool is_sent_again = false) {
    const bool overlaps = from < gap_ended_at_;
    in_gaps_ = in_gaps_ + (now - std::max(from, gap_ended_at_));
    gap_ended_at_ = now;
    const Duration ended = now - in_gaps_;
    const Duration patience = is_sent_again ? std::clamp(now - from, patience_, most_patience) : patience_;
    if (!gaps_.empty() && (overlaps || ended - gaps_.back().first_ended < near_)) {
      gaps_.back().began = std::min(gaps_.back().began, from);
      gaps_.back().last_ended = ended;
      gaps_.back().patience = std::max(gaps_.back().patience, patience);
    } else {
      gaps_.push_back({from, ended, ended, patience});
    }
  }
  // Behind gaps after which it has been quiet for long enough nothing waits any more.
  void settle(Duration now) noexcept {
    if (waiting_) return;
    const Duration quiet_for = now - std::max(heard_bytes_at_, gap_ended_at_);
    std::erase_if(gaps_, [&](const Gap& gap) { return quiet_for >= gap.patience; });
  }

  Duration heard_at_;
  Duration heard_bytes_at_;
  std::vector<Gap> gaps_;  // oldest first; what waited behind them may not be read yet
  Duration gap_ended_at_;  // of the last one
  Duration in_gaps_;       // of all time
  Duration patience_ = Duration::unlimited();
  Duration near_ = Duration::unlimited();
  Duration idle_timeout_ = Duration::unlimited();
  bool shows_life_ = false;
  bool has_other_signs_ = false;  // than bytes
  bool waiting_ = false;
};

}  // namespace edgetide
