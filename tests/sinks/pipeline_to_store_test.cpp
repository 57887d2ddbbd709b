// The way from the pipeline into every store: after any number of epochs, its rows are those that live in the end.
#include <algorithm>
#include <gmock/gmock.h>
#include <map>
#include <random>
#include <tuple>

#include "daemon/outbox/row_merge.h"
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

  // Everything in `epochs` parts, each with its own epoch; the last one ends all windows. `together` are merged.
  void deliver_all(OutputMode mode, std::size_t together = 1) {
    windows = schemas_of(options.windows, {WindowId{0}});
    const RowSelection selection(options.windows, {WindowId{0}}, mode);
    Pipeline pipeline(options);
    const auto sink = open_sink();
    const std::vector<Sent> readings = stream();
    std::vector<std::shared_ptr<const RowBatch>> waiting;
    for (std::size_t i = 0; i < readings.size(); ++i) {
      read(pipeline, readings[i].sensor, static_cast<double>(readings[i].second), readings[i].value);
      const bool last = i + 1 == readings.size();
      if (last) pipeline.raise_watermarks(Timestamp::latest());
      if (!last && (i + 1) % (readings.size() / epochs) != 0) continue;
      const Emission emission = tick(pipeline, static_cast<double>(i), Fire::all);
      waiting.push_back(std::make_shared<const RowBatch>(selection.select(emission, pipeline, 1)));
      if (waiting.size() == together || last) {
        ASSERT_THAT(sink->deliver(merged(waiting)), IsDelivered());
        waiting.clear();
      }
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

// Those longer than `length` are cut at its multiples.
Windows expected_pieces(std::int64_t gap, std::int64_t length) {
  Windows pieces;
  for (const auto& [session, row] : expected_sessions(gap)) {
    const auto& [sensor, start, end] = session;
    if (end - start <= length) {
      pieces[session] = row;
      continue;
    }
    std::map<std::int64_t, std::vector<Sent>> cells;
    for (const Sent& reading : stream()) {
      if (reading.sensor == sensor && reading.second >= start && reading.second < end) {
        cells[reading.second / length].push_back(reading);
      }
    }
    for (const auto& [cell, readings] : cells) {
      std::int64_t first = end, last = start;
      double sum = 0;
      for (const Sent& reading : readings) {
        first = std::min(first, reading.second);
        last = std::max(last, reading.second);
        sum += reading.value;
      }
      pieces[{sensor, first, std::min(last + gap, (cell + 1) * length)}] = {static_cast<double>(readings.size()), sum};
    }
  }
  return pieces;
}

// A row that a cut makes shorter takes the place of the longer one, also where the two wait together.
TEST_P(PipelineToStore, pieces_of_sessions_in_the_store_are_those_that_live_in_the_end) {
  options.windows[0].kind = WindowKind::session;
  options.windows[0].gap = Duration::seconds(10);
  options.windows[0].max_length = Duration::seconds(40);
  for (const std::size_t together : {1, 3}) {
    store = GetParam().make();
    deliver_all(OutputMode::update, together);
    EXPECT_EQ(stored(), expected_pieces(10, 40)) << together << " together";
  }
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
