// The engine against the naive model, on random streams. A failing seed is cut down and printed.
//
// EDGETIDE_SEEDS=100000 runs more seeds than the suite does, EDGETIDE_SEED=17 only one.
#include <cmath>
#include <gtest/gtest.h>
#include <set>
#include <sstream>
#include <tuple>

#include "pipeline/pipeline.h"
#include "tests/pipeline/model/model.h"

namespace edgetide::test {
namespace {

ModelRow note(const std::string& text) {
  return {0, 0, text, "", {}, {}, RowState::open, false, 0, {}};
}

// As series_of numbers them. Several numbers may mean the same labels.
std::optional<std::uint32_t> number_of_labels(const Series& key) {
  for (std::uint32_t number = 0; !key.grouped && number < 3; ++number) {
    if (series_of(key.sensor, key.metric, number).labels == key.labels) return number;
  }
  return std::nullopt;
}

bool same_labels(const ModelRow& wanted, const ModelRow& got) {
  if (!wanted.labels || wanted.state == RowState::retracted) return true;
  const auto labels = [](const ModelRow& row, std::uint32_t number) {
    return series_of(row.sensor, row.metric, number).labels;
  };
  return got.labels && labels(wanted, *wanted.labels) == labels(got, *got.labels);
}

Outcome engine_outcome(const Case& test_case) {
  Pipeline pipeline(test_case.options);
  Outcome outcome;
  Emission emission;
  const auto tick = [&](const Input& input, Fire fire) {
    pipeline.tick(*input.moment, fire, emission);
    for (const Row& row : emission.rows) {
      const auto key = pipeline.key_of(row);
      const std::size_t columns = test_case.options.windows[index_of(row.window)].aggregates.size();
      const double* const first = emission.values.data() + row.first_value;
      outcome.rows.push_back({emission.epoch, index_of(row.window), key->sensor, key->metric, row.start, row.end,
                              row.state, row.changed, row.revision, std::vector<double>(first, first + columns),
                              number_of_labels(*key)});
    }
  };
  for (const Input& input : test_case.inputs) {
    const SourceId source{input.source};
    switch (input.kind) {
      case Input::Kind::reading: {
        const Series names = series_of(input.sensor, input.metric, input.labels);
        auto series = pipeline.series().find(names);
        if (!series) series = pipeline.add_series(names, source);
        if (!series) break;
        const Reading reading{*series, input.time, input.value};
        pipeline.apply({source, input.moment, std::span(&reading, 1)});
        break;
      }
      case Input::Kind::tick:
        tick(input, Fire::due);
        break;
      case Input::Kind::tick_all:
        tick(input, Fire::all);
        break;
      case Input::Kind::connect:
        pipeline.connected(source, *input.moment);
        break;
      case Input::Kind::disconnect:
        pipeline.disconnected(source, *input.moment);
        break;
      case Input::Kind::raise:
        pipeline.raise_watermarks(input.time);
        break;
      case Input::Kind::restart: {
        const std::string bytes = pipeline.snapshot();
        pipeline = Pipeline(test_case.options);
        const auto error = pipeline.restore(bytes, Connections::go_on);
        // Reported as a row that no model has, so that the case is cut down as well.
        if (error) outcome.rows.push_back(note("restore: " + *error));
        if (pipeline.snapshot() != bytes) outcome.rows.push_back(note("a restored state has other bytes"));
        static_cast<void>(pipeline.restore(bytes));
        break;
      }
    }
  }
  for (std::uint32_t i = 0; i < test_case.options.sources.size(); ++i) {
    outcome.counters.push_back(pipeline.counters(SourceId{i}));
  }
  return outcome;
}

std::string text_of(const ModelRow& row) {
  std::ostringstream out;
  out << "epoch " << row.epoch << " w" << row.window << ' ' << row.sensor << ' ' << row.metric << " ["
      << static_cast<double>(row.start.count()) / 1e6 << ", " << static_cast<double>(row.end.count()) / 1e6
      << ") state " << static_cast<int>(row.state) << " changed " << row.changed << " revision " << row.revision;
  for (const double value : row.values) out << ' ' << value;
  if (row.labels) out << " labels " << *row.labels;
  return out.str();
}

bool close(double a, double b, const Aggregate& aggregate) {
  if (std::isnan(a) || std::isnan(b)) return std::isnan(a) && std::isnan(b);
  const double scale = std::max(std::abs(a), std::abs(b));
  if (aggregate.kind == Aggregate::Kind::percentile || aggregate == Aggregate::median)
    return std::abs(a - b) <= 0.0100001 * scale;
  // Sums of large and small values: what rounding may leave.
  return std::abs(a - b) <= 1e-9 * scale + 1e-4 * (scale > 0 && scale < 1 ? 1 : 0) || std::abs(a - b) <= 1e-5;
}

bool same(const ModelRow& a, const ModelRow& b, const WindowOptions& window) {
  if (!same_labels(a, b)) return false;
  if (std::tie(a.epoch, a.window, a.sensor, a.metric, a.start, a.end, a.state, a.changed, a.revision) !=
      std::tie(b.epoch, b.window, b.sensor, b.metric, b.start, b.end, b.state, b.changed, b.revision)) {
    return false;
  }
  for (std::size_t i = 0; i < a.values.size(); ++i) {
    if (!close(a.values[i], b.values[i], window.aggregates[i])) return false;
  }
  return true;
}

std::string text_of(const Counters& counters) {
  std::string text = std::to_string(counters.received);
  for (const std::uint64_t n : counters.outcomes) text += ' ' + std::to_string(n);
  text += " restamped " + std::to_string(counters.restamped);
  for (const std::uint64_t n : counters.refused) text += ' ' + std::to_string(n);
  return text;
}

// A final row never comes again, nor another one after it, whichever series were evicted meanwhile.
std::string final_twice(const Outcome& outcome, const Case& test_case) {
  std::set<std::tuple<std::uint32_t, std::string, std::string, Timestamp>> final;
  for (const ModelRow& row : outcome.rows) {
    if (test_case.options.windows[row.window].top || !test_case.options.windows[row.window].derived.empty()) continue;
    const auto place = std::tuple(row.window, row.sensor, row.metric, row.start);
    if (final.contains(place)) return "after the final row\n  engine " + text_of(row);
    if (row.state == RowState::final) final.insert(place);
  }
  return {};
}

// What differs first; empty: nothing.
std::string difference(const Case& test_case) {
  const Outcome wanted = model_outcome(test_case);
  const Outcome got = engine_outcome(test_case);
  if (const std::string twice = final_twice(got, test_case); !twice.empty()) return twice;
  for (std::size_t i = 0; i < std::max(wanted.rows.size(), got.rows.size()); ++i) {
    const bool both = i < wanted.rows.size() && i < got.rows.size();
    if (both && same(wanted.rows[i], got.rows[i], test_case.options.windows[wanted.rows[i].window])) continue;
    return "row " + std::to_string(i) + "\n  model  " + (i < wanted.rows.size() ? text_of(wanted.rows[i]) : "none") +
           "\n  engine " + (i < got.rows.size() ? text_of(got.rows[i]) : "none");
  }
  for (std::size_t i = 0; i < wanted.counters.size(); ++i) {
    if (text_of(wanted.counters[i]) == text_of(got.counters[i])) continue;
    return "counters of source " + std::to_string(i) + "\n  model  " + text_of(wanted.counters[i]) + "\n  engine " +
           text_of(got.counters[i]);
  }
  return {};
}

// Leaves out inputs, and then windows, as long as it still fails: first halves, at last one by one.
Case shrunk(Case failing) {
  for (std::size_t chunk = failing.inputs.size() / 2; chunk > 0; chunk /= 2) {
    for (std::size_t at = 0; at + chunk <= failing.inputs.size();) {
      Case smaller = failing;
      const auto first = smaller.inputs.begin() + static_cast<std::ptrdiff_t>(at);
      smaller.inputs.erase(first, first + static_cast<std::ptrdiff_t>(chunk));
      if (difference(smaller).empty()) {
        at += chunk;
      } else {
        failing = smaller;
      }
    }
  }
  for (std::size_t i = failing.options.windows.size(); failing.options.windows.size() > 1 && i-- > 0;) {
    Case smaller = failing;
    smaller.options.windows.erase(smaller.options.windows.begin() + static_cast<std::ptrdiff_t>(i));
    if (!difference(smaller).empty()) failing = smaller;
  }
  return failing;
}

TEST(Differential, engine_and_naive_model_agree_on_rows_revisions_and_counters) {
  const std::uint64_t only = number_from("EDGETIDE_SEED", 0);
  const std::uint64_t first = only != 0 ? only : 1;
  const std::uint64_t last = only != 0 ? only : number_from("EDGETIDE_SEEDS", 2000);
  for (std::uint64_t seed = first; seed <= last; ++seed) {
    const Case test_case = random_case(seed);
    if (difference(test_case).empty()) continue;
    const Case small = shrunk(test_case);
    FAIL() << to_text(small) << difference(small);
  }
}

}  // namespace
}  // namespace edgetide::test
