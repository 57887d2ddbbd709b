#include "pipeline/quantile_sketch.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <utility>

#include "pipeline/interpolated_rank.h"

namespace edgetide {

namespace {

constexpr std::size_t min_capacity = 16;
constexpr double gamma = (1 + QuantileSketch::relative_error) / (1 - QuantileSketch::relative_error);
constexpr std::int32_t max_bucket = 40'000;  // log_gamma of no double is as far from 0
constexpr std::uint32_t max_level = 7;       // on which max_pages hold every bucket there can be

const double log_gamma = std::log(gamma);

std::int32_t bucket_of(double magnitude) noexcept {
  return static_cast<std::int32_t>(std::ceil(std::log(magnitude) / log_gamma));
}

// `levels` levels up: bucket / 2^levels, rounded up.
constexpr std::int32_t raised(std::int32_t bucket, std::uint32_t levels) noexcept {
  return -(-bucket >> levels);
}

// Relative to both ends of the bucket the same error. As one power: the upper end of a bucket may be beyond double.
double value_of(std::int32_t bucket, std::uint32_t level) noexcept {
  const double log_width = std::ldexp(log_gamma, static_cast<int>(level));
  return std::exp(bucket * log_width - std::log((std::exp(log_width) + 1) / 2));
}

}  // namespace

std::size_t QuantileSketch::add(double value) {
  value += 0.0;  // -0 is 0
  if (++count_ > max_exact) return few_.empty() ? add_to_buckets(value) : leave_exact(value);
  if (few_.size() == few_.capacity()) return add_to_grown(value);
  few_.push_back(value);
  return 0;
}

std::size_t QuantileSketch::add_to_grown(double value) {
  const std::size_t before = heap_bytes(few_);
  few_.reserve(next_capacity());
  few_.push_back(value);
  return heap_bytes(few_) - before;
}

std::size_t QuantileSketch::leave_exact(double value) {
  const std::size_t before = owned_bytes();
  pour_into_buckets(std::exchange(few_, {}));
  add_to_buckets(value);
  return std::max(owned_bytes(), before) - before;
}

std::size_t QuantileSketch::add_to_buckets(double value) {
  min_ = std::min(min_, value);
  max_ = std::max(max_, value);
  if (value == 0) {
    ++zeros_;
    return 0;
  }
  return value > 0 ? positive_.add(bucket_of(value), 1) : negative_.add(bucket_of(-value), 1);
}

void QuantileSketch::pour_into_buckets(const std::vector<double>& values) {
  for (const double value : values) add_to_buckets(value);
}

std::size_t QuantileSketch::growth(double value) const noexcept {
  if (count_ < max_exact) {
    const bool is_full = few_.size() == few_.capacity();
    return is_full ? heap_block(next_capacity() * sizeof(double)) - heap_bytes(few_) : 0;
  }
  if (count_ == max_exact) return largest_growth();  // it is hardly ever as much
  if (value == 0) return 0;
  return value > 0 ? positive_.growth(bucket_of(value)) : negative_.growth(bucket_of(-value));
}

std::size_t QuantileSketch::next_capacity() const noexcept {
  return std::clamp(2 * few_.capacity(), min_capacity, max_exact);
}

void QuantileSketch::merge(const QuantileSketch& other) {
  count_ += other.count_;
  if (is_exact()) {
    few_.insert(few_.end(), other.few_.begin(), other.few_.end());
    return;
  }
  pour_into_buckets(std::exchange(few_, {}));
  pour_into_buckets(other.few_);
  min_ = std::min(min_, other.min_);
  max_ = std::max(max_, other.max_);
  zeros_ += other.zeros_;
  negative_.merge(other.negative_);
  positive_.merge(other.positive_);
}

const std::vector<double>& QuantileSketch::in_order() const noexcept {
  if (!std::is_sorted(few_.begin(), few_.end())) std::sort(few_.begin(), few_.end());
  return few_;
}

double QuantileSketch::percentile(double percent) const noexcept {
  if (is_exact()) return interpolated_rank(in_order(), percent / 100);
  const auto rank = static_cast<std::uint64_t>(percent * static_cast<double>(count_ - 1) / 100);
  return std::clamp(at_rank(rank), min_, max_);
}

double QuantileSketch::at_rank(std::uint64_t rank) const noexcept {
  if (rank == 0) return min_;
  if (rank >= count_ - 1) return max_;
  const std::uint64_t negatives = negative_.total();
  if (rank < negatives) return -negative_.at_rank_from_largest(rank);
  rank -= negatives;
  if (rank < zeros_) return 0;
  return positive_.at_rank(rank - zeros_);
}

QuantileSketch::Bins QuantileSketch::bins() const {
  if (!is_exact()) return {zeros_, negative_.bins(), positive_.bins()};
  QuantileSketch in_buckets;
  in_buckets.pour_into_buckets(few_);
  return {in_buckets.zeros_, in_buckets.negative_.bins(), in_buckets.positive_.bins()};
}

void QuantileSketch::save(ByteWriter& out) const {
  out.u64(count_);
  if (is_exact()) {
    for (const double value : in_order()) out.u64(std::bit_cast<std::uint64_t>(value));
    return;
  }
  out.u64(std::bit_cast<std::uint64_t>(min_));
  out.u64(std::bit_cast<std::uint64_t>(max_));
  out.u64(zeros_);
  negative_.save(out);
  positive_.save(out);
}

bool QuantileSketch::load(ByteReader& in) {
  const std::uint64_t count = in.u64();
  in.require(count > 0);
  if (count <= max_exact) {
    for (std::uint64_t i = 0; in.ok() && i < count; ++i) {
      const double value = std::bit_cast<double>(in.u64());
      in.require(std::isfinite(value));
      add(value);
    }
    return in.ok();
  }
  count_ = count;
  min_ = std::bit_cast<double>(in.u64());
  max_ = std::bit_cast<double>(in.u64());
  zeros_ = in.u64();
  in.require(std::isfinite(min_) && std::isfinite(max_) && min_ <= max_);
  return negative_.load(in) && positive_.load(in) && negative_.total() + zeros_ + positive_.total() == count;
}

std::size_t QuantileSketch::Buckets::find(std::int32_t number) const noexcept {
  const auto at =
      std::partition_point(pages_.begin(), pages_.end(), [&](const Page& page) { return page.number < number; });
  return static_cast<std::size_t>(at - pages_.begin());
}

void QuantileSketch::Buckets::add_on_level(std::int32_t bucket, std::uint64_t count) {
  const std::int32_t number = bucket >> page_bits;
  const std::size_t at = find(number);
  if (at == pages_.size() || pages_[at].number != number) {
    pages_.insert(pages_.begin() + static_cast<std::ptrdiff_t>(at), Page{number});
  }
  pages_[at].counts[static_cast<std::size_t>(bucket) % page_size] += count;
}

// To the next level.
void QuantileSketch::Buckets::collapse() {
  const std::vector<Page> narrow = std::exchange(pages_, {});
  ++level_;
  for (const Page& page : narrow) {
    for (std::int32_t i = 0; i < static_cast<std::int32_t>(page_size); ++i) {
      const std::uint64_t count = page.counts[static_cast<std::size_t>(i)];
      if (count != 0) add_on_level(raised(page.number * static_cast<std::int32_t>(page_size) + i, 1), count);
    }
  }
}

std::size_t QuantileSketch::Buckets::growth(std::int32_t bucket) const noexcept {
  const std::int32_t number = raised(bucket, level_) >> page_bits;
  const std::size_t at = find(number);
  return at == pages_.size() || pages_[at].number != number ? heap_growth(pages_) : 0;
}

std::size_t QuantileSketch::Buckets::add(std::int32_t bucket, std::uint64_t count) {
  const std::size_t capacity = pages_.capacity();
  add_on_level(raised(bucket, level_), count);
  while (pages_.size() > max_pages) collapse();
  return pages_.capacity() > capacity ? heap_bytes(pages_) - heap_block(capacity * sizeof(Page)) : 0;
}

// The level follows from the buckets that are used, so it is that of all values together.
void QuantileSketch::Buckets::merge(const Buckets& other) {
  while (level_ < other.level_) collapse();
  for (const Page& page : other.pages_) {
    for (std::int32_t i = 0; i < static_cast<std::int32_t>(page_size); ++i) {
      const std::uint64_t count = page.counts[static_cast<std::size_t>(i)];
      const std::int32_t bucket = page.number * static_cast<std::int32_t>(page_size) + i;
      if (count == 0) continue;
      add_on_level(raised(bucket, level_ - other.level_), count);
      while (pages_.size() > max_pages) collapse();
    }
  }
}

std::uint64_t QuantileSketch::Buckets::total() const noexcept {
  std::uint64_t sum = 0;
  for (const Page& page : pages_) {
    for (const std::uint64_t count : page.counts) sum += count;
  }
  return sum;
}

double QuantileSketch::Buckets::at_rank(std::uint64_t rank) const noexcept {
  for (const Page& page : pages_) {
    for (std::size_t i = 0; i < page_size; ++i) {
      if (rank < page.counts[i]) {
        return value_of(page.number * static_cast<std::int32_t>(page_size) + static_cast<std::int32_t>(i), level_);
      }
      rank -= page.counts[i];
    }
  }
  return std::numeric_limits<double>::infinity();  // beyond all: the caller knows the largest
}

std::vector<QuantileSketch::Bin> QuantileSketch::Buckets::bins() const {
  std::vector<Bin> bins;
  const std::int32_t width = std::int32_t{1} << level_;
  for (const Page& page : pages_) {
    for (std::size_t i = 0; i < page_size; ++i) {
      if (page.counts[i] == 0) continue;
      const std::int32_t bucket = page.number * static_cast<std::int32_t>(page_size) + static_cast<std::int32_t>(i);
      bins.push_back({2 * bucket * width - (width - 1), page.counts[i]});
    }
  }
  return bins;
}

void QuantileSketch::Buckets::save(ByteWriter& out) const {
  std::uint32_t used = 0;
  for (const Page& page : pages_)
    used += static_cast<std::uint32_t>(std::ranges::count_if(page.counts, [](std::uint64_t n) { return n != 0; }));
  out.numbers(static_cast<std::uint8_t>(level_), used);
  for (const Page& page : pages_) {
    for (std::size_t i = 0; i < page_size; ++i) {
      if (page.counts[i] == 0) continue;
      out.numbers(page.number * static_cast<std::int32_t>(page_size) + static_cast<std::int32_t>(i), page.counts[i]);
    }
  }
}

bool QuantileSketch::Buckets::load(ByteReader& in) {
  level_ = in.u8();
  const std::uint32_t used = in.u32();
  in.require(level_ <= max_level);
  if (!in.has(used, 12)) return false;
  std::int32_t least = -max_bucket;
  for (std::uint32_t i = 0; in.ok() && i < used; ++i) {
    const auto bucket = static_cast<std::int32_t>(in.u32());
    const std::uint64_t count = in.u64();
    in.require(bucket >= least && bucket <= max_bucket && count > 0);
    if (!in.ok()) break;
    add_on_level(bucket, count);
    in.require(pages_.size() <= max_pages);
    least = bucket + 1;
  }
  return in.ok();
}

}  // namespace edgetide
