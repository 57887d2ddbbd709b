// Watermarks: W(key) says that no reading of the key with event time < W is expected any more. It never goes back.
//
// SeriesWatermark   W of one series while it is heard: the newest event time less max_out_of_orderness.
// MinimumWatermark  W of a source, of all sources, or of a group of series: the minimum over its active members. While
//                   it is held, because a source that may have members has not reported yet, it does not move.
// idle_watermark    what a series that fell silent is raised to, so that its windows close without eating what it may
//                   still send: it follows the listening clock, but never beyond the point at which the newest window
//                   that is not final becomes final.
// ListeningClock    how long a source has been able to hear its sensors; an outage makes no sensor idle. Its newest
//                   part may be unheard: what was sent then may still be on its way, and silence is not judged by it.
//
// Units:  UTC microseconds; listening time in microseconds of running time (time.h, Moment::running).
// Thread: plain values, one owner at a time.
// See: semantics as Flink's BoundedOutOfOrdernessWatermarks and WatermarksWithIdleness, but by series.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "pipeline/bytes.h"
#include "pipeline/ids.h"
#include "pipeline/min_tree.h"
#include "pipeline/time.h"

namespace edgetide {

class SeriesWatermark {
 public:
  explicit constexpr SeriesWatermark(Timestamp floor = Timestamp::earliest()) noexcept : value_(floor) {}

  constexpr void observe(Timestamp event_time, Duration max_out_of_orderness) noexcept {
    own_ = std::max(own_, event_time - max_out_of_orderness);
    raise(own_);
  }
  constexpr void raise(Timestamp to) noexcept { value_ = std::max(value_, to); }

  constexpr Timestamp value() const noexcept { return value_; }
  // What the readings alone have reached: the newest event time less max_out_of_orderness. earliest(): no reading yet.
  constexpr Timestamp own() const noexcept { return own_; }
  constexpr bool heard() const noexcept { return own_ != Timestamp::earliest(); }
  // Among others: what the end of all input raises it to is none of it.
  constexpr Timestamp as_member() const noexcept { return value_ == Timestamp::latest() ? own_ : value_; }

  static constexpr SeriesWatermark restored(Timestamp value, Timestamp own) noexcept {
    SeriesWatermark watermark(value);
    watermark.own_ = own;
    return watermark;
  }

 private:
  Timestamp value_;
  Timestamp own_ = Timestamp::earliest();
};

// What idleness raises a watermark to.
// `newest_final_at`: end + allowed_lateness of the newest window that is not final.
constexpr Timestamp idle_watermark(Timestamp own, Duration silence, Timestamp newest_final_at) noexcept {
  return std::min(own + silence, newest_final_at);
}

// The last reading of a key, on the listening clock of the source that heard it.
struct Heard {
  SourceId source{0};
  Duration at;
};

// By source of a snapshot its place now, or no_source.
inline SourceId place_of(const std::vector<SourceId>& places, SourceId source) noexcept {
  return index_of(source) < places.size() ? places[index_of(source)] : no_source;
}

// The watermark of many: the minimum over its active members. It never goes back when members join or fall silent.
// Member: the id of one (ids.h).
template <typename Member>
class MinimumWatermark {
 public:
  void observe(Member member, const SeriesWatermark& series, Heard heard) {
    members_.set(index_of(member), series.as_member());
    own_ = std::max(own_, series.own());
    heard_ = heard;
    settle();
  }
  // A member has moved on where this minimum does not hear it.
  void follow(Member member, const SeriesWatermark& series) {
    members_.set(index_of(member), series.as_member());
    settle();
  }
  // For a minimum of minima; nothing: the member is idle. `settle` follows.
  void enter(Member member, std::optional<Timestamp> value, Timestamp own) {
    members_.set(index_of(member), value.value_or(MinTree::absent));
    own_ = std::max(own_, own);
  }
  void remove(Member member) { members_.set(index_of(member), MinTree::absent); }
  void hear(Heard heard) noexcept { heard_ = heard; }
  // The listening clock of the source was set back.
  void hear_at_most(SourceId source, Duration at) noexcept {
    if (heard_.source == source) heard_.at = std::min(heard_.at, at);
  }

  // After members were removed.
  void settle() noexcept {
    if (active() && !held_) value_ = std::max(value_, members_.min());
  }
  void set_held(bool held) noexcept {
    const bool released = held_ && !held;
    held_ = held;
    if (released) settle();
  }
  void raise(Timestamp to) noexcept { floor_ = std::max(floor_, to); }

  bool active() const noexcept { return members_.min() != MinTree::absent; }
  bool is_active(Member member) const noexcept { return members_.get(index_of(member)) != MinTree::absent; }
  Timestamp value() const noexcept { return std::max(value_, floor_); }
  // Without what it was raised to. Of a snapshot: with that, but for the end of all input.
  Timestamp of_members() const noexcept { return value_; }
  Timestamp own() const noexcept { return own_; }
  // Heard once, all idle now, and no source is waited for.
  bool silent() const noexcept { return !active() && !held_ && own_ != Timestamp::earliest(); }
  const Heard& heard() const noexcept { return heard_; }
  std::size_t memory_bytes() const noexcept { return members_.memory_bytes(); }
  std::size_t growth(Member member) const noexcept { return members_.growth(index_of(member)); }

  // Where it begins: what one over a part of its members has heard.
  template <typename Other>
  void adopt(const MinimumWatermark<Other>& part) noexcept {
    if (part.own() == Timestamp::earliest() || part.own() < own_) return;
    own_ = part.own();
    heard_ = part.heard();
  }

  // Without the members, and whether it is held.
  void save(ByteWriter& out) const {
    out.time(value());
    out.time(own_);
    out.u32(index_of(heard_.source));
    out.duration(heard_.at);
  }
  void load(ByteReader& in) noexcept {
    floor_ = in.time();
    value_ = floor_ == Timestamp::latest() ? Timestamp::earliest() : floor_;
    own_ = in.time();
    heard_.source = SourceId{in.u32()};
    heard_.at = in.duration();
  }
  // Where the source that was heard last stands now; no_source: it is gone, and with it how long ago that was.
  void hear_from(SourceId source) noexcept {
    const bool known = source != no_source && own_ != Timestamp::earliest();
    heard_ = known ? Heard{source, heard_.at} : Heard{};
  }
  void restore_member(Member member, Timestamp own) { members_.set(index_of(member), own); }

 private:
  MinTree members_;
  Timestamp value_ = Timestamp::earliest();
  Timestamp own_ = Timestamp::earliest();
  Timestamp floor_ = Timestamp::earliest();  // raised to
  Heard heard_;
  bool held_ = false;
};

class ListeningClock {
 public:
  constexpr void start(Duration running) noexcept {
    if (listening_) return;
    listening_ = true;
    since_ = running;
  }
  // What was unheard then does not count.
  constexpr void stop(Duration running) noexcept {
    accumulated_ = heard(running);
    unheard_ = Duration();
    listening_ = false;
  }
  constexpr void set_unheard(Duration unheard) noexcept { unheard_ = listening_ ? unheard : Duration(); }
  constexpr bool listening() const noexcept { return listening_; }
  constexpr Duration elapsed(Duration running) const noexcept {
    return listening_ ? accumulated_ + (running - since_) : accumulated_;
  }
  // Without what is unheard: silence is judged up to here.
  constexpr Duration heard(Duration running) const noexcept {
    return std::max(elapsed(running) - unheard_, Duration());
  }
  constexpr Duration unheard() const noexcept { return unheard_; }

  // As it was when `elapsed` was so much, and listening goes on from `running`; none: it has ended.
  static constexpr ListeningClock restored(Duration elapsed, Duration unheard,
                                           std::optional<Duration> running) noexcept {
    ListeningClock clock;
    clock.accumulated_ = running ? elapsed : std::max(elapsed - unheard, Duration());
    if (!running) return clock;
    clock.start(*running);
    clock.unheard_ = unheard;
    return clock;
  }

 private:
  Duration accumulated_;
  Duration since_;
  Duration unheard_;
  bool listening_ = false;
};

}  // namespace edgetide
