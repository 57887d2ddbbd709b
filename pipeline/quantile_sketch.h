// Quantiles of any number of values in little memory, within 1 % of the true value: a DDSketch.
//
// A bucket holds the values of (gamma^(i-1), gamma^i], gamma = 1.01 / 0.99; the value given for a bucket is within 1 %
// of everything in it. Buckets are counted one by one from the smallest to the largest that is used, at most
// max_buckets for each sign; beyond that (a ratio of 6e17 between largest and smallest magnitude) the smallest
// collapse into one. The result is the same whatever the order of values and merges.
//
// See: Masson, Rim, Lee: DDSketch, VLDB 2019 (collapsing the lowest buckets).
// Owns:   8 bytes per bucket in use. Thread: one owner at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "pipeline/bytes.h"
#include "pipeline/heap_bytes.h"

namespace edgetide {

class QuantileSketch {
 public:
  static constexpr double relative_error = 0.01;
  static constexpr std::int32_t max_buckets = 2048;

  // Requires: `value` is finite. Returns the bytes it took.
  std::size_t add(double value);
  void merge(const QuantileSketch& other);

  // The value at rank floor(percent * (count - 1) / 100), within relative_error; the smallest and the largest value are
  // exact. Requires: count() > 0, 0 <= percent <= 100.
  double percentile(double percent) const noexcept;
  std::uint64_t count() const noexcept { return zeros_ + negative_.total() + positive_.total(); }

  std::size_t owned_bytes() const noexcept { return negative_.owned_bytes() + positive_.owned_bytes(); }
  bool grows_with(double value) const noexcept;
  void save(ByteWriter& out) const;
  bool load(ByteReader& in);

 private:
  // Counts of buckets first_ to first_ + counts_.size() - 1.
  class Buckets {
   public:
    std::size_t add(std::int32_t bucket, std::uint64_t count);
    void merge(const Buckets& other);
    std::uint64_t total() const noexcept;
    // The bucket that holds rank `rank`, counted from the smallest magnitude, or from the largest.
    std::int32_t at_rank(std::uint64_t rank) const noexcept;
    std::int32_t at_rank_from_largest(std::uint64_t rank) const noexcept;
    std::size_t owned_bytes() const noexcept { return heap_bytes(counts_); }
    bool grows_with(std::int32_t bucket) const noexcept;
    void save(ByteWriter& out) const;
    bool load(ByteReader& in);

   private:
    void make_room(std::int32_t bucket);

    std::int32_t first_ = 0;
    std::vector<std::uint64_t> counts_;
  };

  double at_rank(std::uint64_t rank) const noexcept;

  double min_ = std::numeric_limits<double>::infinity();
  double max_ = -std::numeric_limits<double>::infinity();
  std::uint64_t zeros_ = 0;  // and what is too small to tell from zero
  Buckets negative_;
  Buckets positive_;
};

}  // namespace edgetide
