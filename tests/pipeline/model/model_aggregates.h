// Aggregates from the list of all readings, by their definitions.
#pragma once

#include <vector>

#include "pipeline/aggregate.h"

namespace edgetide::test {

struct Kept {
  Timestamp time;
  double value;
};

// Requires: `readings` in order (event time, arrival). NaN: there is none.
double aggregate_of(const std::vector<Kept>& readings, const Aggregate& aggregate, Timestamp end);

}  // namespace edgetide::test
