#include "pipeline/aggregate.h"

#include <algorithm>
#include <charconv>
#include <limits>

namespace edgetide {

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double not_computable = std::numeric_limits<double>::quiet_NaN();

}  // namespace

std::string name_of(const Aggregate& aggregate) {
  if (aggregate.kind != Aggregate::Kind::percentile)
    return std::string(aggregate_names[static_cast<std::size_t>(aggregate.kind)]);
  std::array<char, 32> text{'p'};
  const auto end = std::to_chars(text.data() + 1, text.data() + text.size(), aggregate.percent);
  return {text.data(), end.ptr};
}

std::optional<Aggregate> aggregate_named(std::string_view name) noexcept {
  for (std::size_t i = 0; i < aggregate_names.size(); ++i) {
    if (aggregate_names[i] == name) return Aggregate{static_cast<Aggregate::Kind>(i)};
  }
  if (name.size() < 2 || name.front() != 'p' || name[1] < '0' || name[1] > '9') return std::nullopt;
  double percent = 0;
  const auto end = std::from_chars(name.data() + 1, name.data() + name.size(), percent, std::chars_format::fixed);
  if (end.ec != std::errc() || end.ptr != name.data() + name.size() || percent > 100) return std::nullopt;
  return Aggregate::percentile(percent);
}

AggregateLayout::AggregateLayout(std::span<const Aggregate> aggregates)
    : aggregates_(aggregates.begin(), aggregates.end()) {
  const auto part = [&](std::initializer_list<Aggregate> readers, std::size_t part_words) {
    const bool needed = std::any_of(readers.begin(), readers.end(), [&](Aggregate reader) {
      return std::find(aggregates_.begin(), aggregates_.end(), reader) != aggregates_.end();
    });
    if (!needed) return absent;
    const std::size_t at = words_;
    words_ += part_words;
    return at;
  };
  sum_ = part({Aggregate::sum, Aggregate::avg}, 2);
  min_ = part({Aggregate::min}, 1);
  max_ = part({Aggregate::max}, 1);
  first_ = part({Aggregate::first}, 2);
  last_ = part({Aggregate::last}, 2);
  moments_ = part({Aggregate::stddev, Aggregate::variance}, 3);
}

void AggregateLayout::clear(Word* state) const noexcept {
  std::fill_n(state, words_, Word{0});
  if (min_ != absent) state[min_] = word(infinity);
  if (max_ != absent) state[max_] = word(-infinity);
}

void AggregateLayout::merge(Word* state, const Word* other) const noexcept {
  if (count(other) == 0) return;
  if (count(state) == 0) {
    std::copy_n(other, words_, state);
    return;
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

double AggregateLayout::value(const Word* state, const Aggregate& aggregate, Span) const noexcept {
  if (aggregate == Aggregate::count) return static_cast<double>(count(state));
  if (count(state) == 0) return not_computable;
  const double computed = [&] {
    using Kind = Aggregate::Kind;
    switch (aggregate.kind) {
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
      default:
        break;
    }
    return not_computable;
  }();
  return std::isfinite(computed) ? computed : not_computable;
}

}  // namespace edgetide
