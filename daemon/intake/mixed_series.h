// Which series get several readings of one time that differ in their labels, as two processors of a host do whose name
// is in the labels only: a window by sensor counts them together, which few want.
//
// What is compared with a reading is the newest one of its series, and the newest one that had other labels than that.
// Without an event time a reading is compared with those of its message only.
//
// Owns:   32 bytes for each series, once some series has variants (series.h).
// Thread: one owner at a time (the intake lock). Fails: never.
// Cost:   nothing without variants; an array access for a reading of a series that has some.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "pipeline/pipeline.h"

namespace edgetide {

class MixedSeries {
 public:
  struct Pair {
    SeriesId first, second;  // variants of one series
  };

  // True: it is counted together with another one, in some window of the source.
  bool add(const Pipeline& pipeline, SourceId source, const Reading& reading) {
    const SeriesId origin = pipeline.series().origin_of(reading.series);
    if (!pipeline.series().has_variants(origin)) return false;
    if (index_of(origin) >= newest_.size()) newest_.resize(index_of(origin) + 1);
    Newest& newest = newest_[index_of(origin)];
    const SeriesId other = newest.other_than(reading);
    newest.note(reading);
    if (other == no_series || !pipeline.series().has(other)) return false;
    if (!pipeline.counts_together(source, other, reading.series)) return false;
    if (!newest.is_found) found_.push_back({other, reading.series});
    return newest.is_found = true;
  }

  // Each series once.
  std::span<const Pair> found() const noexcept { return found_; }
  void forget_found() noexcept { found_.clear(); }

  // From now on this id belongs to another series, or variant.
  void forget(SeriesId id) noexcept {
    if (index_of(id) < newest_.size()) newest_[index_of(id)] = {};
  }
  void clear() noexcept { newest_.clear(); }

 private:
  struct Newest {
    Timestamp time, former_time;
    SeriesId series = no_series, former = no_series;
    bool is_found = false;

    SeriesId other_than(const Reading& reading) const noexcept {
      if (series != reading.series && series != no_series && time == reading.event_time) return series;
      return former != reading.series && former != no_series && former_time == reading.event_time ? former : no_series;
    }
    void note(const Reading& reading) noexcept {
      if (series != reading.series) former = series, former_time = time;
      series = reading.series, time = reading.event_time;
    }
  };

  std::vector<Newest> newest_;  // by origin
  std::vector<Pair> found_;
};

}  // namespace edgetide
