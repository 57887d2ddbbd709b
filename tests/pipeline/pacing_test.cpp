// How input is cut into batches, when triggers fire and where the daemon restarts decide when rows leave, never what a
// final row contains: bit by bit. EDGETIDE_SEEDS=20000 runs more seeds than the suite does.
#include <gtest/gtest.h>
#include <map>
#include <random>
#include <sstream>
#include <tuple>

#include "pipeline/pipeline.h"
#include "tests/pipeline/model/stream.h"

namespace edgetide::test {
namespace {

using Place = std::tuple<std::uint32_t, std::string, std::string, Timestamp>;  // window, sensor, metric, start
struct FinalRow {
  Timestamp end;
  std::vector<std::uint64_t> bits;
  bool operator==(const FinalRow&) const = default;
};
using FinalRows = std::map<Place, FinalRow>;

// A random case in which nothing depends on a clock.
Case timeless_case(std::uint64_t seed) {
  Case made = random_case(seed);
  made.options.max_series = PipelineOptions().max_series;
  for (SourceOptions& source : made.options.sources) {
    source.time.idle_timeout = source.time.max_future = source.time.oldest = Duration::unlimited();
  }
  for (WindowOptions& window : made.options.windows) {
    window.top.reset();
    if (window.kind == WindowKind::running) window.kind = WindowKind::tumbling;
  }
  std::erase_if(made.inputs, [](const Input& input) {
    return input.kind != Input::Kind::reading && input.kind != Input::Kind::raise;
  });
  return made;
}

class Paced {
 public:
  Paced(const Case& test_case, std::uint64_t pace) : case_(test_case), random_(pace), pipeline_(test_case.options) {}

  FinalRows run() {
    const std::uint64_t batch_most = 1 + random_() % 20;
    const std::uint64_t tick_most = 1 + random_() % 30;
    for (const Input& input : case_.inputs) {
      take(input);
      if (random_() % batch_most == 0) send();
      if (random_() % tick_most == 0) tick(Fire::due);
      if (random_() % 40 == 0) restart();
    }
    send();
    pipeline_.raise_watermarks(Timestamp::latest());
    tick(Fire::all);
    return std::move(rows_);
  }

 private:
  void take(const Input& input) {
    if (input.kind == Input::Kind::raise) {
      send();
      return pipeline_.raise_watermarks(input.time);
    }
    if (input.source != source_) send();
    source_ = input.source;
    Series names = series_of(input.sensor, input.metric, input.labels);
    auto series = pipeline_.series().find(names);
    if (!series) series = pipeline_.add_series(std::move(names), SourceId{source_});
    batch_.push_back({*series, input.time, input.value});
  }
  void send() {
    pipeline_.apply({SourceId{source_}, std::nullopt, batch_});
    batch_.clear();
  }
  void tick(Fire fire) {
    send();
    clock_ += static_cast<std::int64_t>(random_() % 20'000'000);
    pipeline_.tick({Timestamp(), Duration::microseconds(clock_)}, fire, emission_);
    for (const Row& row : emission_.rows) {
      if (row.state == RowState::final) keep(row);
    }
  }
  void keep(const Row& row) {
    const auto key = pipeline_.key_of(row);
    const std::size_t columns = case_.options.windows[index_of(row.window)].aggregates.size();
    FinalRow kept{row.end, {}};
    for (std::size_t i = 0; i < columns; ++i) {
      kept.bits.push_back(std::bit_cast<std::uint64_t>(emission_.values[row.first_value + i]));
    }
    const auto [slot, is_new] = rows_.insert({{index_of(row.window), key->sensor, key->metric, row.start}, kept});
    EXPECT_TRUE(is_new) << "a final row left twice, seed " << case_.seed;
  }
  void restart() {
    send();
    const std::string bytes = pipeline_.snapshot();
    pipeline_ = Pipeline(case_.options);
    EXPECT_EQ(pipeline_.restore(bytes), std::nullopt);
  }

  const Case& case_;
  std::mt19937_64 random_;
  Pipeline pipeline_;
  std::uint32_t source_ = 0;
  std::vector<Reading> batch_;
  std::int64_t clock_ = 0;
  Emission emission_;
  FinalRows rows_;
};

std::string text_of(const FinalRows::value_type& row) {
  const auto& [window, sensor, metric, start] = row.first;
  std::ostringstream out;
  out << 'w' << window << ' ' << sensor << ' ' << metric << " [" << static_cast<double>(start.count()) / 1e6 << ", "
      << static_cast<double>(row.second.end.count()) / 1e6 << ')';
  for (const std::uint64_t bits : row.second.bits) out << ' ' << std::bit_cast<double>(bits);
  return out.str();
}

// What differs first; empty: nothing.
std::string difference(const FinalRows& wanted, const FinalRows& got) {
  for (const auto& row : wanted) {
    const auto same = got.find(row.first);
    if (same == got.end()) return "missing: " + text_of(row);
    if (same->second != row.second) return "other: " + text_of(row) + ", now " + text_of(*same);
  }
  for (const auto& row : got) {
    if (!wanted.contains(row.first)) return "additional: " + text_of(row);
  }
  return {};
}

TEST(Pacing, cutting_ticking_and_restarting_anywhere_change_no_final_row) {
  std::size_t rows = 0;
  for (std::uint64_t seed = 1, last = number_from("EDGETIDE_SEEDS", 600); seed <= last; ++seed) {
    const Case test_case = timeless_case(seed);
    const FinalRows wanted = Paced(test_case, 1).run();
    rows += wanted.size();
    for (std::uint64_t pace = 2; pace < 6; ++pace) {
      ASSERT_EQ(difference(wanted, Paced(test_case, pace).run()), "") << "pace " << pace << '\n' << to_text(test_case);
    }
  }
  EXPECT_GT(rows, 10'000U);  // the cases are not empty
}

}  // namespace
}  // namespace edgetide::test
