#include "pipeline/aggregate_kind.h"

#include <charconv>
#include <cmath>
#include <limits>

#include "pipeline/distinct_counter.h"
#include "pipeline/point_list.h"
#include "pipeline/quantile_sketch.h"

namespace edgetide {

namespace {

using Input = AggregateInput;
using Kind = Aggregate::Kind;

constexpr std::size_t max_percentile_name = 12;
constexpr double not_computable = std::numeric_limits<double>::quiet_NaN();

double sum_of(const Input& in) {
  const StateWord* const sum = in.part(StatePart::sum);
  return real_of(sum[0]) + real_of(sum[1]);
}
double avg_of(const Input& in) {
  return sum_of(in) / in.count();
}
double min_of(const Input& in) {
  return real_of(*in.part(StatePart::min));
}
double max_of(const Input& in) {
  return real_of(*in.part(StatePart::max));
}
double first_of(const Input& in) {
  return real_of(in.part(StatePart::first)[1]);
}
double last_of(const Input& in) {
  return real_of(in.part(StatePart::last)[1]);
}
double variance_of(const Input& in) {
  return in.count() < 2 ? not_computable : real_of(in.part(StatePart::moments)[2]) / (in.count() - 1);
}
double delta_of(const Input& in) {
  return last_of(in) - first_of(in);
}
double rate_of(const Input& in) {
  const Duration span = time_of(*in.part(StatePart::last)) - time_of(*in.part(StatePart::first));
  const double seconds = static_cast<double>(span.count()) / 1e6;
  return seconds > 0 ? delta_of(in) / seconds : not_computable;
}
const PointList& points_of(const Input& in) {
  return *part_at<PointList>(*in.part(StatePart::points));
}

}  // namespace

constinit const std::array<AggregateKind, 17> aggregate_kinds = {{
    {Kind::count, "count", StateParts(), [](const Input& in) { return in.count(); }, true},
    {Kind::sum, "sum", StateParts(StatePart::sum), sum_of},
    {Kind::min, "min", StateParts(StatePart::min), min_of},
    {Kind::max, "max", StateParts(StatePart::max), max_of},
    {Kind::avg, "avg", StateParts(StatePart::sum), avg_of},
    {Kind::first, "first", StateParts(StatePart::first), first_of},
    {Kind::last, "last", StateParts(StatePart::last), last_of},
    {Kind::stddev, "stddev", StateParts(StatePart::moments),
     [](const Input& in) { return std::sqrt(variance_of(in)); }},
    {Kind::variance, "variance", StateParts(StatePart::moments), variance_of},
    {Kind::range, "range", StateParts(StatePart::min, StatePart::max),
     [](const Input& in) { return max_of(in) - min_of(in); }},
    {Kind::delta, "delta", StateParts(StatePart::first, StatePart::last), delta_of},
    {Kind::rate, "rate", StateParts(StatePart::first, StatePart::last), rate_of},
    {Kind::increase, "increase", StateParts(StatePart::points),
     [](const Input& in) { return points_of(in).increase().value_or(not_computable); }},
    {Kind::time_weighted_avg, "time_weighted_avg", StateParts(StatePart::points),
     [](const Input& in) { return points_of(in).time_weighted_average(in.span.end).value_or(not_computable); }},
    {Kind::distinct, "distinct", StateParts(StatePart::distinct),
     [](const Input& in) {
       return static_cast<double>(part_at<DistinctCounter>(*in.part(StatePart::distinct))->count());
     },
     true},
    {Kind::max_gap, "max_gap", StateParts(StatePart::points),
     [](const Input& in) { return points_of(in).largest_gap().value_or(not_computable); }},
    {Kind::percentile, "p", StateParts(StatePart::sketch),
     [](const Input& in) {
       return part_at<QuantileSketch>(*in.part(StatePart::sketch))->percentile(in.aggregate.percent);
     }},
}};

const std::vector<std::string_view>& aggregate_names() {
  static const std::vector<std::string_view> names = [] {
    std::vector<std::string_view> all;
    for (const AggregateKind& kind : aggregate_kinds) {
      if (kind.kind != Kind::percentile) all.push_back(kind.name);
    }
    return all;
  }();
  return names;
}

std::string name_of(const Aggregate& aggregate) {
  const AggregateKind& kind = kind_of(aggregate);
  if (aggregate.kind != Kind::percentile) return std::string(kind.name);
  std::array<char, 32> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), aggregate.percent, std::chars_format::fixed);
  return std::string(kind.name) + std::string(text.data(), end.ptr);
}

std::optional<Aggregate> aggregate_named(std::string_view name) noexcept {
  for (const AggregateKind& kind : aggregate_kinds) {
    if (kind.name == name && kind.kind != Kind::percentile) return Aggregate{kind.kind};
  }
  if (name.size() < 2 || name.size() > max_percentile_name || name.front() != 'p' || name[1] < '0' || name[1] > '9')
    return std::nullopt;
  double percent = 0;
  const auto end = std::from_chars(name.data() + 1, name.data() + name.size(), percent, std::chars_format::fixed);
  if (end.ec != std::errc() || end.ptr != name.data() + name.size() || percent > 100) return std::nullopt;
  return Aggregate::percentile(percent);
}

}  // namespace edgetide
