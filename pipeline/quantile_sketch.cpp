#include "pipeline/quantile_sketch.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace edgetide {

namespace {

constexpr double gamma = (1 + QuantileSketch::relative_error) / (1 - QuantileSketch::relative_error);
constexpr double smallest = 1e-300;           // magnitudes below count as zero
constexpr std::int32_t bucket_most = 40'000;  // log_gamma of the largest double is less

const double log_gamma = std::log(gamma);

std::int32_t bucket_of(double magnitude) noexcept {
  return static_cast<std::int32_t>(std::ceil(std::log(magnitude) / log_gamma));
}

// Relative to both ends of the bucket the same error.
double value_of(std::int32_t bucket) noexcept {
  return 2 * std::exp(bucket * log_gamma) / (gamma + 1);
}

}  // namespace

std::size_t QuantileSketch::add(double value) {
  min_ = std::min(min_, value + 0.0);  // -0 is 0
  max_ = std::max(max_, value + 0.0);
  if (std::abs(value) < smallest) {
    ++zeros_;
    return 0;
  }
  return value > 0 ? positive_.add(bucket_of(value), 1) : negative_.add(bucket_of(-value), 1);
}

bool QuantileSketch::grows_with(double value) const noexcept {
  if (std::abs(value) < smallest) return false;
  return value > 0 ? positive_.grows_with(bucket_of(value)) : negative_.grows_with(bucket_of(-value));
}

void QuantileSketch::merge(const QuantileSketch& other) {
  min_ = std::min(min_, other.min_);
  max_ = std::max(max_, other.max_);
  zeros_ += other.zeros_;
  negative_.merge(other.negative_);
  positive_.merge(other.positive_);
}

double QuantileSketch::percentile(double percent) const noexcept {
  const std::uint64_t last = count() - 1;
  const auto rank = static_cast<std::uint64_t>(percent * static_cast<double>(last) / 100);
  return std::clamp(at_rank(std::min(last, rank)), min_, max_);
}

double QuantileSketch::at_rank(std::uint64_t rank) const noexcept {
  const std::uint64_t negatives = negative_.total();
  if (rank < negatives) return -value_of(negative_.at_rank_from_largest(rank));
  rank -= negatives;
  if (rank < zeros_) return 0;
  return value_of(positive_.at_rank(rank - zeros_));
}

void QuantileSketch::save(ByteWriter& out) const {
  out.u64(std::bit_cast<std::uint64_t>(min_));
  out.u64(std::bit_cast<std::uint64_t>(max_));
  out.u64(zeros_);
  negative_.save(out);
  positive_.save(out);
}

bool QuantileSketch::load(ByteReader& in) {
  min_ = std::bit_cast<double>(in.u64());
  max_ = std::bit_cast<double>(in.u64());
  zeros_ = in.u64();
  in.require(std::isfinite(min_) && std::isfinite(max_) && min_ <= max_);
  return negative_.load(in) && positive_.load(in) && count() > 0;
}

// Keeps the range of buckets within max_buckets below the largest; what lies lower is counted in the lowest.
void QuantileSketch::Buckets::make_room(std::int32_t bucket) {
  if (counts_.empty()) {
    first_ = bucket;
    counts_.assign(1, 0);
    return;
  }
  const std::int32_t last = std::max(bucket, first_ + static_cast<std::int32_t>(counts_.size()) - 1);
  const std::int32_t first = std::max(std::min(bucket, first_), last - max_buckets + 1);
  if (first < first_) counts_.insert(counts_.begin(), static_cast<std::size_t>(first_ - first), 0);
  if (first > first_) {
    const std::size_t collapsed = std::min(static_cast<std::size_t>(first - first_), counts_.size());
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < collapsed; ++i) sum += counts_[i];
    counts_.erase(counts_.begin(), counts_.begin() + static_cast<std::ptrdiff_t>(collapsed));
    if (counts_.empty()) counts_.push_back(0);
    counts_.front() += sum;
  }
  first_ = first;
  counts_.resize(static_cast<std::size_t>(last - first) + 1, 0);
}

bool QuantileSketch::Buckets::grows_with(std::int32_t bucket) const noexcept {
  if (counts_.empty()) return true;
  const auto size = static_cast<std::int32_t>(counts_.size());
  return size < max_buckets && (bucket < first_ || bucket >= first_ + size);
}

std::size_t QuantileSketch::Buckets::add(std::int32_t bucket, std::uint64_t count) {
  std::size_t taken = 0;
  if (counts_.empty() || bucket < first_ || bucket - first_ >= static_cast<std::int32_t>(counts_.size())) {
    const std::size_t before = owned_bytes();
    make_room(bucket);
    taken = owned_bytes() - before;
  }
  counts_[static_cast<std::size_t>(std::max(bucket, first_) - first_)] += count;
  return taken;
}

void QuantileSketch::Buckets::merge(const Buckets& other) {
  if (other.counts_.empty()) return;
  make_room(other.first_ + static_cast<std::int32_t>(other.counts_.size()) - 1);
  for (std::size_t i = 0; i < other.counts_.size(); ++i) {
    if (other.counts_[i] != 0) add(other.first_ + static_cast<std::int32_t>(i), other.counts_[i]);
  }
}

std::uint64_t QuantileSketch::Buckets::total() const noexcept {
  std::uint64_t sum = 0;
  for (const std::uint64_t count : counts_) sum += count;
  return sum;
}

std::int32_t QuantileSketch::Buckets::at_rank(std::uint64_t rank) const noexcept {
  std::size_t i = 0;
  while (i + 1 < counts_.size() && rank >= counts_[i]) rank -= counts_[i++];
  return first_ + static_cast<std::int32_t>(i);
}

std::int32_t QuantileSketch::Buckets::at_rank_from_largest(std::uint64_t rank) const noexcept {
  std::size_t i = counts_.size() - 1;
  while (i > 0 && rank >= counts_[i]) rank -= counts_[i--];
  return first_ + static_cast<std::int32_t>(i);
}

void QuantileSketch::Buckets::save(ByteWriter& out) const {
  out.u32(static_cast<std::uint32_t>(first_));
  out.u32(static_cast<std::uint32_t>(counts_.size()));
  for (const std::uint64_t count : counts_) out.u64(count);
}

bool QuantileSketch::Buckets::load(ByteReader& in) {
  first_ = static_cast<std::int32_t>(in.u32());
  const std::uint32_t count = in.u32();
  in.require(std::abs(static_cast<std::int64_t>(first_)) <= bucket_most && count <= max_buckets);
  if (!in.has(count, 8)) return false;
  counts_.resize(count);
  for (std::uint64_t& n : counts_) n = in.u64();
  return in.ok();
}

}  // namespace edgetide
