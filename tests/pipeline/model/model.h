// What the engine computes, in its simplest form: every reading is kept, every window keeps the list of
// its readings, every minimum is searched again. Slow on purpose; tests compare the engine with it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "pipeline/counters.h"
#include "pipeline/emission.h"
#include "tests/pipeline/model/stream.h"

namespace edgetide::test {

struct ModelRow {
  std::uint64_t epoch;
  std::uint32_t window;
  std::string sensor;  // or the text of the group
  std::string metric;
  Timestamp start, end;
  RowState state;
  bool changed;
  std::uint32_t revision;
  std::vector<double> values;
  std::optional<std::uint32_t> labels = {};  // of its newest reading, as series_of; nothing: of a group, or none
};

struct Outcome {
  std::vector<ModelRow> rows;
  std::vector<Counters> counters;  // by source
};

Outcome model_outcome(const Case& test_case);

}  // namespace edgetide::test
