#include "pipeline/aggregate.h"

#include <algorithm>
#include <charconv>
#include <limits>

#include "pipeline/distinct_counter.h"
#include "pipeline/point_list.h"
#include "pipeline/quantile_sketch.h"

namespace edgetide {

namespace {

template <typename Part>
Part* part_of(std::uint64_t word) noexcept {
  return reinterpret_cast<Part*>(static_cast<std::uintptr_t>(word));
}

// Made when the first reading needs it.
template <typename Part>
Part& need(std::uint64_t& word) {
  if (word == 0) word = reinterpret_cast<std::uintptr_t>(new Part);
  return *part_of<Part>(word);
}

template <typename Part>
void drop(std::uint64_t& word) noexcept {
  delete part_of<Part>(word);
  word = 0;
}

template <typename Part>
std::size_t bytes_of(std::uint64_t word) noexcept {
  return word == 0 ? 0 : sizeof(Part) + part_of<Part>(word)->heap_bytes();
}

constexpr std::size_t max_percentile_name = 12;
constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double not_computable = std::numeric_limits<double>::quiet_NaN();

}  // namespace

std::string name_of(const Aggregate& aggregate) {
  if (aggregate.kind != Aggregate::Kind::percentile)
    return std::string(aggregate_names[static_cast<std::size_t>(aggregate.kind)]);
  std::array<char, 32> text{'p'};
  const auto end =
      std::to_chars(text.data() + 1, text.data() + text.size(), aggregate.percent, std::chars_format::fixed);
  return {text.data(), end.ptr};
}

std::optional<Aggregate> aggregate_named(std::string_view name) noexcept {
  for (std::size_t i = 0; i < aggregate_names.size(); ++i) {
    if (aggregate_names[i] == name) return Aggregate{static_cast<Aggregate::Kind>(i)};
  }
  if (name.size() < 2 || name.size() > max_percentile_name || name.front() != 'p' || name[1] < '0' || name[1] > '9')
    return std::nullopt;
  double percent = 0;
  const auto end = std::from_chars(name.data() + 1, name.data() + name.size(), percent, std::chars_format::fixed);
  if (end.ec != std::errc() || end.ptr != name.data() + name.size() || percent > 100) return std::nullopt;
  return Aggregate::percentile(percent);
}

AggregateLayout::AggregateLayout(std::span<const Aggregate> aggregates)
    : aggregates_(aggregates.begin(), aggregates.end()) {
  using Kind = Aggregate::Kind;
  const auto part = [&](std::initializer_list<Kind> readers, std::size_t part_words) {
    const bool needed = std::any_of(aggregates_.begin(), aggregates_.end(), [&](const Aggregate& aggregate) {
      return std::find(readers.begin(), readers.end(), aggregate.kind) != readers.end();
    });
    if (!needed) return absent;
    const std::size_t at = words_;
    words_ += part_words;
    return at;
  };
  sum_ = part({Kind::sum, Kind::avg}, 2);
  min_ = part({Kind::min, Kind::range}, 1);
  max_ = part({Kind::max, Kind::range}, 1);
  first_ = part({Kind::first, Kind::delta, Kind::rate}, 2);
  last_ = part({Kind::last, Kind::delta, Kind::rate}, 2);
  moments_ = part({Kind::stddev, Kind::variance}, 3);
  sketch_ = part({Kind::percentile}, 1);
  distinct_ = part({Kind::distinct}, 1);
  points_ = part({Kind::increase, Kind::time_weighted_avg, Kind::max_gap}, 1);
  sum_min_max_ = sum_ == sum_at && min_ == min_at && max_ == max_at;
  in_order_ = first_ != absent || last_ != absent;
  more_ = moments_ != absent || owns_memory();
}

void AggregateLayout::clear(Word* state) const noexcept {
  std::fill_n(state, words_, Word{0});
  if (min_ != absent) state[min_] = word(infinity);
  if (max_ != absent) state[max_] = word(-infinity);
}

void AggregateLayout::release(Word* state) const noexcept {
  if (!owns_memory()) return;
  if (sketch_ != absent) drop<QuantileSketch>(state[sketch_]);
  if (distinct_ != absent) drop<DistinctCounter>(state[distinct_]);
  if (points_ != absent) drop<PointList>(state[points_]);
  clear(state);
}

void AggregateLayout::add_more(Word* state, Timestamp event_time, double value) const {
  if (moments_ != absent) add_moments(state + moments_, static_cast<double>(count(state)), value);
  if (sketch_ != absent) need<QuantileSketch>(state[sketch_]).add(value);
  if (distinct_ != absent) need<DistinctCounter>(state[distinct_]).add(value);
  if (points_ != absent) need<PointList>(state[points_]).add(event_time, value);
}

// part: origin, mean less origin, sum of squared deviations. The origin is the first value: values that are large
// but differ little keep all their digits.
void AggregateLayout::add_moments(Word* part, double count, double value) noexcept {
  if (count == 1) part[0] = word(value);
  const double shifted = value - real(part[0]);
  const double delta = shifted - real(part[1]);
  const double mean = real(part[1]) + delta / count;
  part[1] = word(mean);
  part[2] = word(real(part[2]) + delta * (shifted - mean));
}

void AggregateLayout::merge(Word* state, const Word* other) const {
  if (count(other) == 0) return;
  if (count(state) == 0) {
    for (std::size_t i = 0; i < words_; ++i) {
      if (i == 0 || (i != sketch_ && i != distinct_ && i != points_)) state[i] = other[i];
    }
    return merge_more(state, other);
  }
  if (moments_ != absent) {  // before the counts are added
    merge_moments(state + moments_, static_cast<double>(count(state)), other + moments_,
                  static_cast<double>(count(other)));
  }
  state[0] += other[0];
  if (sum_ != absent) {
    add_compensated(state + sum_, real(other[sum_]));
    state[sum_ + 1] = word(real(state[sum_ + 1]) + real(other[sum_ + 1]));
  }
  if (min_ != absent) state[min_] = word(std::min(real(state[min_]), real(other[min_])));
  if (max_ != absent) state[max_] = word(std::max(real(state[max_]), real(other[max_])));
  if (first_ != absent && time(other[first_]) < time(state[first_])) std::copy_n(other + first_, 2, state + first_);
  if (last_ != absent && time(other[last_]) >= time(state[last_])) std::copy_n(other + last_, 2, state + last_);
  merge_more(state, other);
}

void AggregateLayout::merge_more(Word* state, const Word* other) const {
  if (sketch_ != absent) need<QuantileSketch>(state[sketch_]).merge(*part_of<QuantileSketch>(other[sketch_]));
  if (distinct_ != absent) need<DistinctCounter>(state[distinct_]).merge(*part_of<DistinctCounter>(other[distinct_]));
  if (points_ != absent) need<PointList>(state[points_]).merge(*part_of<PointList>(other[points_]));
}

void AggregateLayout::merge_moments(Word* part, double n, const Word* other, double m) noexcept {
  const double delta = (real(other[0]) - real(part[0])) + (real(other[1]) - real(part[1]));
  part[1] = word(real(part[1]) + delta * (m / (n + m)));
  part[2] = word(real(part[2]) + real(other[2]) + delta * delta * (n * (m / (n + m))));
}

double AggregateLayout::variance(const Word* state) const noexcept {
  if (count(state) < 2) return not_computable;
  return real(state[moments_ + 2]) / static_cast<double>(count(state) - 1);
}

double AggregateLayout::rate(const Word* state) const noexcept {
  const double seconds = static_cast<double>((time(state[last_]) - time(state[first_])).count()) / 1e6;
  return seconds > 0 ? (real(state[last_ + 1]) - real(state[first_ + 1])) / seconds : not_computable;
}

double AggregateLayout::value(const Word* state, const Aggregate& aggregate, Span span) const noexcept {
  if (aggregate == Aggregate::count) return static_cast<double>(count(state));
  if (count(state) == 0) return not_computable;
  const double result = computed(state, aggregate, span);
  return std::isfinite(result) ? result : not_computable;
}

double AggregateLayout::computed(const Word* state, const Aggregate& aggregate, Span span) const noexcept {
  using Kind = Aggregate::Kind;
  switch (aggregate.kind) {
    case Kind::count:
      return static_cast<double>(count(state));
    case Kind::sum:
      return sum(state);
    case Kind::min:
      return real(state[min_]);
    case Kind::max:
      return real(state[max_]);
    case Kind::avg:
      return sum(state) / static_cast<double>(count(state));
    case Kind::first:
      return real(state[first_ + 1]);
    case Kind::last:
      return real(state[last_ + 1]);
    case Kind::stddev:
      return std::sqrt(variance(state));
    case Kind::variance:
      return variance(state);
    case Kind::range:
      return real(state[max_]) - real(state[min_]);
    case Kind::delta:
      return real(state[last_ + 1]) - real(state[first_ + 1]);
    case Kind::rate:
      return rate(state);
    case Kind::increase:
      return part_of<PointList>(state[points_])->increase().value_or(not_computable);
    case Kind::time_weighted_avg:
      return part_of<PointList>(state[points_])->time_weighted_average(span.end).value_or(not_computable);
    case Kind::max_gap:
      return part_of<PointList>(state[points_])->largest_gap().value_or(not_computable);
    case Kind::distinct:
      return static_cast<double>(part_of<DistinctCounter>(state[distinct_])->count());
    case Kind::percentile:
      return part_of<QuantileSketch>(state[sketch_])->percentile(aggregate.percent);
  }
  return not_computable;
}

std::size_t AggregateLayout::heap_bytes(const Word* state) const noexcept {
  std::size_t bytes = 0;
  if (sketch_ != absent) bytes += bytes_of<QuantileSketch>(state[sketch_]);
  if (distinct_ != absent) bytes += bytes_of<DistinctCounter>(state[distinct_]);
  if (points_ != absent) bytes += bytes_of<PointList>(state[points_]);
  return bytes;
}

void AggregateLayout::save(ByteWriter& out, const Word* state) const {
  out.words({state, plain_words()});
  if (!owns_memory() || count(state) == 0) return;
  if (sketch_ != absent) part_of<QuantileSketch>(state[sketch_])->save(out);
  if (distinct_ != absent) part_of<DistinctCounter>(state[distinct_])->save(out);
  if (points_ != absent) part_of<PointList>(state[points_])->save(out);
}

bool AggregateLayout::load(ByteReader& in, Word* state) const {
  for (std::size_t i = 0; i < plain_words(); ++i) state[i] = in.u64();
  bool whole = in.ok();
  if (count(state) != 0) {
    if (sketch_ != absent) whole = whole && need<QuantileSketch>(state[sketch_]).load(in);
    if (distinct_ != absent) whole = whole && need<DistinctCounter>(state[distinct_]).load(in);
    if (points_ != absent) whole = whole && need<PointList>(state[points_]).load(in);
  }
  if (!whole) {
    release(state);
    clear(state);
  }
  return whole;
}

}  // namespace edgetide
