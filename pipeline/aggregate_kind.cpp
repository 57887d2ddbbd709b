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

constexpr std::size_t max_argument_name = 11;
constexpr double not_computable = std::numeric_limits<double>::quiet_NaN();

double sum_of(const Input& in) {
  const StateWord* const sum = in.part(StatePart::sum);
  if (std::isnan(real_of(sum[0]))) return scaled_sum(sum) * sum_scale;
  return real_of(sum[0]) + real_of(sum[1]);
}
double avg_of(const Input& in) {
  const StateWord* const sum = in.part(StatePart::sum);
  if (std::isnan(real_of(sum[0]))) return scaled_sum(sum) / in.count() * sum_scale;
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
// Of a reading: microseconds, exact up to the year 2255.
double time_value(const StateWord* reading) {
  return static_cast<double>(time_of(reading[0]).count());
}
double variance_of(const Input& in) {
  return in.count() < 2 ? not_computable : real_of(in.part(StatePart::moments)[2]) / (in.count() - 1);
}
// The reading from which on it is counted what was added.
CarriedReading base_of(const Input& in) {
  const CarriedReading carried = in.carried();
  if (carried.known()) return carried;
  return {time_of(*in.part(StatePart::first)), {.last = first_of(in)}};
}
double delta_of(const Input& in) {
  return last_of(in) - base_of(in).value();
}
double rate_of(const Input& in) {
  const Duration span = time_of(*in.part(StatePart::last)) - base_of(in).time;
  const double seconds = static_cast<double>(span.count()) / 1e6;
  return seconds > 0 ? delta_of(in) / seconds : not_computable;
}
const PointList& points_of(const Input& in) {
  return *part_at<PointList>(*in.part(StatePart::points));
}
double increase_of(const Input& in) {
  const CarriedReading carried = in.carried();
  if (!carried.known() && in.count() < 2) return not_computable;
  if (carried.value() < 0 || points_of(in).any_negative()) return not_computable;
  return points_of(in).increase(carried.counter, in.rules.reset_below).sum;
}
double time_weighted_avg_of(const Input& in) {
  const PointList::Span span{in.span.start, in.span.end, in.rules.hold};
  return points_of(in).time_weighted_average(span, in.carried()).value_or(not_computable);
}
double percentile_of(const Input& in, double percent) {
  return part_at<QuantileSketch>(*in.part(StatePart::sketch))->percentile(percent);
}

double held_value(const HeldInput& held) {
  return held.carried.value();
}
double held_duration(const HeldInput& held) {
  const PointList::Span span{held.span.start, held.span.end, held.rules.hold};
  return PointList().duration_of(held.aggregate.argument, span, held.carried);
}

std::string number_text(double number) {
  std::array<char, 400> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
  return {text.data(), end.ptr};
}

// What is behind `prefix`, if that is a number without an exponent.
std::optional<double> number_behind(std::string_view prefix, std::string_view name) noexcept {
  if (!name.starts_with(prefix) || name.size() > prefix.size() + max_argument_name) return std::nullopt;
  name.remove_prefix(prefix.size());
  double number = 0;
  const auto end = std::from_chars(name.data(), name.data() + name.size(), number, std::chars_format::fixed);
  if (end.ec != std::errc() || end.ptr != name.data() + name.size() || !std::isfinite(number)) return std::nullopt;
  return number + 0.0;  // -0 is 0
}

}  // namespace

CarriedReading AggregateInput::carried() const noexcept {
  if (at[index_of(StatePart::carried)] == 0) return {};
  const StateWord* const reading = part(StatePart::carried);
  CarriedReading carried{time_of(reading[1]), {.last = real_of(reading[0])}};
  if (at[index_of(StatePart::counter)] == 0) return carried;
  carried.counter.base = real_of(part(StatePart::counter)[0]);
  carried.counter.before = real_of(part(StatePart::counter)[1]);
  return carried;
}

constinit const std::array<AggregateKind, 27> aggregate_kinds = {{
    {.kind = Kind::count,
     .name = "count",
     .reads = StateParts(),
     .value = [](const Input& in) { return in.count(); },
     .integer = true},
    {.kind = Kind::sum, .name = "sum", .reads = StateParts(StatePart::sum), .value = sum_of},
    {.kind = Kind::min, .name = "min", .reads = StateParts(StatePart::min), .value = min_of, .filled = held_value},
    {.kind = Kind::max, .name = "max", .reads = StateParts(StatePart::max), .value = max_of, .filled = held_value},
    {.kind = Kind::avg, .name = "avg", .reads = StateParts(StatePart::sum), .value = avg_of, .filled = held_value},
    {.kind = Kind::first,
     .name = "first",
     .reads = StateParts(StatePart::first),
     .value = first_of,
     .filled = held_value},
    {.kind = Kind::last, .name = "last", .reads = StateParts(StatePart::last), .value = last_of, .filled = held_value},
    {.kind = Kind::stddev,
     .name = "stddev",
     .reads = StateParts(StatePart::moments),
     .value = [](const Input& in) { return std::sqrt(variance_of(in)); }},
    {.kind = Kind::variance, .name = "variance", .reads = StateParts(StatePart::moments), .value = variance_of},
    {.kind = Kind::range,
     .name = "range",
     .reads = StateParts(StatePart::min, StatePart::max),
     .value = [](const Input& in) { return max_of(in) - min_of(in); }},
    {.kind = Kind::delta,
     .name = "delta",
     .reads = StateParts(StatePart::first, StatePart::last),
     .value = delta_of,
     .carries = true},
    {.kind = Kind::rate,
     .name = "rate",
     .reads = StateParts(StatePart::first, StatePart::last),
     .value = rate_of,
     .carries = true},
    {.kind = Kind::increase,
     .name = "increase",
     .reads = StateParts(StatePart::points, StatePart::counter),
     .value = increase_of,
     .carries = true},
    {.kind = Kind::time_weighted_avg,
     .name = "time_weighted_avg",
     .reads = StateParts(StatePart::points),
     .value = time_weighted_avg_of,
     .carries = true,
     .filled = held_value},
    {.kind = Kind::distinct,
     .name = "distinct",
     .reads = StateParts(StatePart::distinct),
     .value =
         [](const Input& in) {
           return static_cast<double>(part_at<DistinctCounter>(*in.part(StatePart::distinct))->count());
         },
     .integer = true},
    {.kind = Kind::max_gap,
     .name = "max_gap",
     .reads = StateParts(StatePart::points),
     .value = [](const Input& in) { return points_of(in).largest_gap().value_or(not_computable); }},
    {.kind = Kind::mean, .name = "mean", .reads = StateParts(StatePart::sum), .value = avg_of, .filled = held_value},
    {.kind = Kind::median,
     .name = "median",
     .reads = StateParts(StatePart::sketch),
     .value = [](const Input& in) { return percentile_of(in, 50); },
     .filled = held_value},
    {.kind = Kind::mode,
     .name = "mode",
     .reads = StateParts(StatePart::points),
     .value = [](const Input& in) { return points_of(in).mode(); },
     .filled = held_value},
    {.kind = Kind::mad,
     .name = "mad",
     .reads = StateParts(StatePart::points),
     .value = [](const Input& in) { return points_of(in).median_absolute_deviation(); }},
    {.kind = Kind::changes,
     .name = "changes",
     .reads = StateParts(StatePart::points),
     .value = [](const Input& in) { return points_of(in).changes(in.carried()); },
     .integer = true,
     .carries = true,
     .filled = [](const HeldInput&) { return 0.0; }},
    {.kind = Kind::duration,
     .name = "duration_",
     .reads = StateParts(StatePart::points),
     .value =
         [](const Input& in) {
           const PointList::Span span{in.span.start, in.span.end, in.rules.hold};
           return points_of(in).duration_of(in.aggregate.argument, span, in.carried());
         },
     .carries = true,
     .filled = held_duration},
    {.kind = Kind::first_time,
     .name = "first_time",
     .reads = StateParts(StatePart::first),
     .value = [](const Input& in) { return time_value(in.part(StatePart::first)); },
     .integer = true},
    {.kind = Kind::last_time,
     .name = "last_time",
     .reads = StateParts(StatePart::last),
     .value = [](const Input& in) { return time_value(in.part(StatePart::last)); },
     .integer = true},
    {.kind = Kind::percentile,
     .name = "p",
     .reads = StateParts(StatePart::sketch),
     .value = [](const Input& in) { return percentile_of(in, in.aggregate.argument); },
     .filled = held_value},
    {.kind = Kind::m2,
     .name = "m2",
     .reads = StateParts(StatePart::moments),
     .value = [](const Input& in) { return real_of(in.part(StatePart::moments)[2]); },
     .merges = true},
    {.kind = Kind::sketch,  // bytes: AggregateLayout::sketch
     .name = "sketch",
     .reads = StateParts(StatePart::sketch),
     .value = [](const Input&) { return not_computable; },
     .merges = true},
}};

namespace {

constexpr bool takes_argument(Kind kind) noexcept {
  return kind == Kind::percentile || kind == Kind::duration;
}

}  // namespace

const std::vector<std::string_view>& aggregate_names() {
  static const std::vector<std::string_view> names = [] {
    std::vector<std::string_view> all;
    for (const AggregateKind& kind : aggregate_kinds) {
      if (!takes_argument(kind.kind) && !kind.merges) all.push_back(kind.name);
    }
    return all;
  }();
  return names;
}

std::string name_of(const Aggregate& aggregate) {
  const AggregateKind& kind = kind_of(aggregate);
  return std::string(kind.name) + (takes_argument(aggregate.kind) ? number_text(aggregate.argument) : std::string());
}

std::optional<Aggregate> aggregate_named(std::string_view name) noexcept {
  for (const AggregateKind& kind : aggregate_kinds) {
    if (kind.name == name && !takes_argument(kind.kind)) return Aggregate{kind.kind};
  }
  if (const auto value = number_behind(kind_of(Aggregate::duration(0)).name, name)) return Aggregate::duration(*value);
  const auto percent = number_behind(kind_of(Aggregate::percentile(0)).name, name);
  if (!percent || *percent > 100 || name[1] < '0' || name[1] > '9') return std::nullopt;
  return Aggregate::percentile(*percent);
}

}  // namespace edgetide
