// The way from the pipeline into every store: after any number of epochs, its rows are those that live in the end.
#include <algorithm>
#include <gmock/gmock.h>
#include <map>
#include <random>
#include <tuple>

#include "daemon/outbox/row_selection.h"
#include "tests/pipeline/pipeline_fixture.h"
#include "tests/sinks/store_fixture.h"

namespace edgetide::test {
namespace {

constexpr int sensors = 5;
constexpr int epochs = 40;

// A reading of a seeded stream without any order; its value is its number.
struct Sent {
  std::string sensor;
  std::int64_t second;
  double value;
};

std::vector<Sent> stream() {
  std::minstd_rand random(20'241'120);
  std::vector<Sent> readings;
  for (int i = 0; i < 2'000; ++i) {
    readings.push_back({numbered("s", static_cast<int>(random() % sensors)),
                        static_cast<std::int64_t>(random() % 5'000), static_cast<double>(i)});
  }
  return readings;
}

// (sensor, start, end in seconds) to (count, sum).
using Windows = std::map<std::tuple<std::string, std::int64_t, std::int64_t>, std::pair<double, double>>;

class PipelineToStore : public StoreTest {
 protected:
  PipelineToStore() { options.windows[0].allowed_lateness = Duration::days(1); }  // nothing is dropped

  // Everything in `epochs` parts, each with its own epoch; the last one ends all windows.
  void deliver_all(OutputMode mode) {
    windows = schemas_of(options.windows, {WindowId{0}});
    const RowSelection selection(options.windows, {WindowId{0}}, mode);
    Pipeline pipeline(options);
    const auto sink = open_sink();
    const std::vector<Sent> readings = stream();
    for (std::size_t i = 0; i < readings.size(); ++i) {
      read(pipeline, readings[i].sensor, static_cast<double>(readings[i].second), readings[i].value);
      const bool last = i + 1 == readings.size();
      if (last) pipeline.raise_watermarks(Timestamp::latest());
      if (!last && (i + 1) % (readings.size() / epochs) != 0) continue;
      const Emission emission = tick(pipeline, static_cast<double>(i), Fire::all);
      ASSERT_THAT(sink->deliver(selection.select(emission, pipeline, 1)), IsDelivered());
      retracted += std::count_if(emission.rows.begin(), emission.rows.end(),
                                 [](const Row& row) { return row.state == RowState::retracted; });
    }
    ASSERT_EQ(pipeline.counters().of(ReadingOutcome::late_dropped), 0U);
  }

  Windows stored() {
    Windows found;
    for (const StoredRow& row : rows()) {
      EXPECT_EQ(row.state, "final");
      found[{row.sensor, row.start_us / 1'000'000, row.end_us / 1'000'000}] = {row.values[0].value_or(-1),
                                                                               row.values[1].value_or(-1)};
    }
    return found;
  }

  PipelineOptions options = one_window();
  std::ptrdiff_t retracted = 0;
};

INSTANTIATE_TEST_SUITE_P(Stores, PipelineToStore, testing::ValuesIn(stores()), kind_name);

Windows expected_tumbling() {
  Windows expected;
  for (const Sent& reading : stream()) {
    const std::int64_t start = reading.second / 10 * 10;
    auto& [count, sum] = expected[{reading.sensor, start, start + 10}];
    count += 1;
    sum += reading.value;
  }
  return expected;
}

Windows expected_sessions(std::int64_t gap) {
  std::vector<Sent> readings = stream();
  std::sort(readings.begin(), readings.end(),
            [](const Sent& a, const Sent& b) { return std::tie(a.sensor, a.second) < std::tie(b.sensor, b.second); });
  Windows expected;
  for (std::size_t i = 0; i < readings.size();) {
    const std::size_t first = i;
    double sum = 0;
    do {
      sum += readings[i++].value;
    } while (i < readings.size() && readings[i].sensor == readings[first].sensor &&
             readings[i].second <= readings[i - 1].second + gap);
    expected[{readings[first].sensor, readings[first].second, readings[i - 1].second + gap}] = {
        static_cast<double>(i - first), sum};
  }
  return expected;
}

TEST_P(PipelineToStore, sessions_in_the_store_are_those_that_live_in_the_end) {
  options.windows[0].kind = WindowKind::session;
  options.windows[0].gap = Duration::seconds(10);
  deliver_all(OutputMode::update);
  EXPECT_EQ(stored(), expected_sessions(10));
  EXPECT_GT(retracted, 100);
}

TEST_P(PipelineToStore, every_output_mode_ends_with_the_final_rows) {
  for (const OutputMode mode : {OutputMode::append, OutputMode::update, OutputMode::complete}) {
    store = GetParam().make();
    options.windows[0].complete = mode == OutputMode::complete;
    deliver_all(mode);
    EXPECT_EQ(stored(), expected_tumbling()) << "mode " << static_cast<int>(mode);
  }
}

}  // namespace
}  // namespace edgetide::test
