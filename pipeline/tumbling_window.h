// One window definition and its state: which window a reading belongs to, what becomes of it there, and which rows
// leave when the trigger fires.
//
// Windows are half-open, [start, end), start = floor((t - offset) / size) * size + offset, floor for negative times
// too.
//
// Owns:   the windows that are not final (WindowStore) and, by series, the idle part of the watermark.
// Units:  UTC microseconds.
// Fails:  never. Thread: one owner at a time.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "pipeline/aggregate.h"
#include "pipeline/bytes.h"
#include "pipeline/counters.h"
#include "pipeline/emission.h"
#include "pipeline/options.h"
#include "pipeline/watermark.h"
#include "pipeline/window_store.h"

namespace edgetide {

class TumblingWindow {
 public:
  explicit TumblingWindow(const WindowOptions& options);

  const std::string& name() const noexcept { return name_; }

  // Makes room for the state of series 0 .. count - 1.
  void reserve_series(std::size_t count) { tracks_.resize(std::max(tracks_.size(), count)); }

  // Requires: room for the series. `watermark` is the series' own; the idle part is known here.
  Fate admit(SeriesId series, Timestamp event_time, double value, Timestamp watermark) {
    Track& track = tracks_[index_of(series)];
    const Timestamp reached = std::max(watermark, track.idle);
    if (track.newest != WindowStore::none) {  // nearly always the right window: spares the division and the look-up
      const WindowStore::Slot newest = store_[track.newest];
      if (contains(newest.header.start, event_time)) return add(newest, event_time, value, reached);
    }
    return admit_elsewhere(series, event_time, value, reached);
  }

  // The idle rule, for a series that has been silent long enough: raises the idle part of its watermark here.
  void follow_clock(SeriesId series, const SeriesWatermark& watermark, Duration max_out_of_orderness,
                    Duration silence) noexcept;

  Timestamp idle_watermark_of(SeriesId series) const noexcept { return tracks_[index_of(series)].idle; }

  // True once per `trigger` of running time, in steps aligned to its multiples; true the first time.
  bool due(Duration running) const noexcept;

  // Emits the rows that changed since they last left, in order (start, rank of the series), and forgets final windows.
  void fire(WindowId id, Duration running, std::span<const Timestamp> watermarks, std::span<const std::uint32_t> ranks,
            Emission& out);

  std::size_t open_windows() const noexcept { return store_.size(); }
  std::size_t memory_bytes() const noexcept { return store_.memory_bytes() + tracks_.capacity() * sizeof(Track); }

  void save(ByteWriter& out) const;
  void load(ByteReader& in, std::size_t series_count);

 private:
  // By series. 16 bytes.
  struct Track {
    Timestamp idle = Timestamp::earliest();    // idle part of the watermark
    std::uint32_t newest = WindowStore::none;  // slot of the newest window that has not left as final
  };
  struct Firing {
    Timestamp start;
    std::uint32_t rank;
    std::uint32_t slot;
  };

  // The window has to be found, or is new. Apart, so that the usual case stays small.
  [[gnu::noinline]] Fate admit_elsewhere(SeriesId series, Timestamp event_time, double value, Timestamp watermark);

  // One comparison: an earlier time wraps around to more than any size.
  bool contains(Timestamp start, Timestamp event_time) const noexcept {
    return static_cast<std::uint64_t>(event_time.count()) - static_cast<std::uint64_t>(start.count()) <
           static_cast<std::uint64_t>(size_.count());
  }
  Fate add(WindowStore::Slot slot, Timestamp event_time, double value, Timestamp watermark) noexcept {
    const Timestamp end = slot.header.start + size_;
    if (watermark >= end && end + allowed_lateness_ <= watermark) return Fate::late_dropped;
    slot.header.changed = 1;
    layout_.add(slot.state, event_time, value);
    return watermark < end ? Fate::on_time : Fate::late_accepted;
  }
  Timestamp start_of(Timestamp event_time) const noexcept;
  std::uint32_t find_or_create(SeriesId series, Track& track, Timestamp start);
  RowState state_of(Timestamp start, Timestamp watermark) const noexcept;
  void collect(std::span<const Timestamp> watermarks, std::span<const std::uint32_t> ranks);
  void emit(WindowId id, const Firing& firing, Timestamp watermark, Emission& out);

  std::string name_;
  Duration size_;
  Duration offset_;
  Duration allowed_lateness_;
  Duration trigger_;
  AggregateLayout layout_;
  WindowStore store_;
  std::vector<Track> tracks_;
  Duration fired_at_ = Duration::microseconds(-1);  // running time of the last firing; negative: never
  std::vector<Firing> firings_;                     // kept for its buffer
};

}  // namespace edgetide
