// Aggregates from the list of all readings, by their definitions.
#pragma once

#include <cstdint>
#include <vector>

#include "pipeline/aggregate.h"

namespace edgetide::test {

struct Kept {
  Timestamp time;
  double value;
  std::uint32_t labels = 0;  // of series_of (stream.h)
};

struct Span {
  Timestamp start, end;
  std::vector<Kept> before;  // what is carried in: all readings before the start
  Duration hold = Duration::unlimited();
  double reset_below = 0.5;
};

// What decides how a counter goes on after `span.before`: its base, and the reading before a low last one.
std::vector<double> counter_after(const Span& span);

// Requires: `readings` and `span.before` in order (event time, arrival). NaN: there is none.
double duration_of(const std::vector<Kept>& readings, const Span& span, double value);
double aggregate_of(const std::vector<Kept>& readings, const Aggregate& aggregate, const Span& span);

}  // namespace edgetide::test
