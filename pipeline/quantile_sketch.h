// Quantiles of any number of values in little memory: exact up to max_exact values, then a DDSketch, within 1 % of the
// true value.
//
// A bucket holds the values of (gamma^(i-1), gamma^i], gamma = 1.01 / 0.99; the value given for a bucket is within 1 %
// of everything in it. Only pages of neighbouring buckets that are used are kept, so an outlier costs one page and
// changes no other quantile. Where more than max_pages would be needed (values that fill 17 powers of ten), each pair
// of neighbouring buckets becomes one, which doubles the error. The result is the same whatever the order of values
// and merges.
//
// See: Masson, Rim, Lee: DDSketch, VLDB 2019; Epicoco et al.: UDDSketch, 2020 (uniform collapse).
// Owns:   8 bytes per value while exact, then 264 bytes per page. Thread: one owner at a time, readers too.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "pipeline/bytes.h"
#include "pipeline/heap_bytes.h"

namespace edgetide {

class QuantileSketch {
 public:
  static constexpr std::size_t max_exact = 64;
  static constexpr double relative_error = 0.01;
  static constexpr std::size_t max_pages = 64;  // for each sign

  // Requires: `value` is finite. Returns the bytes it took.
  std::size_t add(double value);
  void merge(const QuantileSketch& other);

  // Of up to max_exact values that at rank percent * (count - 1) / 100, interpolated between its neighbours; of more,
  // the value at that rank rounded down, within relative_error. The smallest and the largest value are exact.
  // Requires: count() > 0, 0 <= percent <= 100.
  double percentile(double percent) const noexcept;
  std::uint64_t count() const noexcept { return count_; }

  // All values in buckets, also those that are kept as they are. The bucket i is at place 2 i; one that is several wide
  // is in the middle of them.
  struct Bin {
    std::int32_t place;
    std::uint64_t count;  // > 0
    bool operator==(const Bin&) const = default;
  };
  struct Bins {
    std::uint64_t zeros = 0;
    std::vector<Bin> negative, positive;  // by place: the magnitude
  };
  Bins bins() const;

  std::size_t owned_bytes() const noexcept {
    return heap_bytes(few_) + negative_.owned_bytes() + positive_.owned_bytes();
  }
  // What the next value would take at most.
  std::size_t growth(double value) const noexcept;
  static constexpr std::size_t largest_growth() noexcept { return Buckets::bytes_of(max_exact + 1); }
  void save(ByteWriter& out) const;
  bool load(ByteReader& in);

 private:
  // The counts of buckets, in pages. On level n a bucket is 2^n of those of level 0 wide.
  class Buckets {
    static constexpr unsigned page_bits = 5;
    static constexpr std::size_t page_size = std::size_t{1} << page_bits;
    struct Page {
      std::int32_t number;
      std::array<std::uint64_t, page_size> counts{};
    };

   public:
    std::size_t add(std::int32_t bucket, std::uint64_t count);  // `bucket` is on level 0
    void merge(const Buckets& other);
    std::uint64_t total() const noexcept;
    // The magnitude at rank `rank`, counted from the smallest, or from the largest.
    double at_rank(std::uint64_t rank) const noexcept;
    double at_rank_from_largest(std::uint64_t rank) const noexcept { return at_rank(total() - 1 - rank); }
    std::vector<Bin> bins() const;
    std::size_t owned_bytes() const noexcept { return heap_bytes(pages_); }
    std::size_t growth(std::int32_t bucket) const noexcept;
    static constexpr std::size_t bytes_of(std::size_t pages) noexcept { return heap_block(pages * sizeof(Page)); }
    void save(ByteWriter& out) const;
    bool load(ByteReader& in);

   private:
    // Where the page stands, or would.
    std::size_t find(std::int32_t number) const noexcept;
    void add_on_level(std::int32_t bucket, std::uint64_t count);
    void collapse();

    std::vector<Page> pages_;  // by number
    std::uint32_t level_ = 0;
  };

  bool is_exact() const noexcept { return count_ <= max_exact; }
  const std::vector<double>& in_order() const noexcept;
  [[gnu::noinline]] std::size_t add_to_grown(double value);
  [[gnu::noinline]] std::size_t leave_exact(double value);
  std::size_t next_capacity() const noexcept;  // of few_
  std::size_t add_to_buckets(double value);
  void pour_into_buckets(const std::vector<double>& values);
  double at_rank(std::uint64_t rank) const noexcept;

  std::uint64_t count_ = 0;
  mutable std::vector<double> few_;  // all values while exact, put in order when they are asked for
  // From then on.
  double min_ = std::numeric_limits<double>::infinity();
  double max_ = -std::numeric_limits<double>::infinity();
  std::uint64_t zeros_ = 0;
  Buckets negative_;
  Buckets positive_;
};

}  // namespace edgetide
