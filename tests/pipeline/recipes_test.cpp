// Sensors as people have them, with the rows that they expect: a pulse counter, a thermostat that publishes on change,
// a door contact. The rows are computed by hand.
#include <gmock/gmock.h>

#include "tests/pipeline/pipeline_fixture.h"

namespace edgetide::test {
namespace {

using testing::ElementsAre;

struct Told {
  double time, value;
};

PipelineOptions windows_of(Duration size, std::vector<Aggregate> aggregates) {
  PipelineOptions options = one_window();
  options.sources[0].time.max_out_of_orderness = Duration::minutes(2);
  options.windows[0].size = size;
  options.windows[0].aggregates = std::move(aggregates);
  return options;
}

// Ticks once a minute, restarts every ten; the values of the final rows, in order.
std::vector<std::vector<double>> final_rows(const PipelineOptions& options, const std::vector<Told>& readings,
                                            bool restarts) {
  Pipeline pipeline(options);
  std::vector<std::vector<double>> rows;
  double clock = 0;
  const auto keep = [&](const Emission& emission) {
    const std::size_t columns = options.windows[0].aggregates.size();
    for (const Row& row : emission.rows) {
      if (row.state != RowState::final) continue;
      const double* const first = emission.values.data() + row.first_value;
      rows.emplace_back(first, first + columns);
    }
  };
  for (const Told& reading : readings) {
    read(pipeline, "a", reading.time, reading.value);
    if (!restarts) continue;
    keep(tick(pipeline, clock += 60));
    const std::string state = pipeline.snapshot();
    pipeline = Pipeline(options);
    EXPECT_EQ(pipeline.restore(state), std::nullopt);
  }
  pipeline.raise_watermarks(Timestamp::latest());
  keep(tick(pipeline, clock + 1e6, Fire::all));
  return rows;
}

constexpr double one_minute = 60, one_hour = 3600;

// 181 readings of an hour, one every 20 s, of a counter that has made pulses(i) pulses at the i-th.
constexpr double pulses(int i) {
  return 40'000 + 3 * i + i % 4;
}

TEST(Recipe, pulse_counter_that_boots_starts_again_and_flickers_adds_up_to_its_pulses) {
  std::vector<Told> readings;
  for (int i = 0; i <= 180; ++i) {
    double shown = i < 100 ? pulses(i) : pulses(i) - pulses(100);  // starts again from zero at the 100th
    if (i == 50) shown = 0;                                        // boots
    if (i == 130) shown -= 5;                                      // the last digit flickers
    readings.push_back({20.0 * i, shown});
  }
  // Neighbours change places: every third reading comes 40 s late.
  for (std::size_t i = 2; i + 2 < readings.size(); i += 3) std::swap(readings[i], readings[i + 2]);
  // Five minutes are 15 readings; the first one of all is what the others are counted from.
  std::vector<double> wanted;
  for (int last = 14; last < 180; last += 15) wanted.push_back(pulses(last) - pulses(std::max(last - 15, 0)));
  wanted.push_back(pulses(180) - pulses(179));
  wanted[6] -= pulses(100) - pulses(99);  // made between the last reading before the start and the start: not known
  const PipelineOptions options = windows_of(Duration::minutes(5), {Aggregate::increase, Aggregate::count});
  for (const bool restarts : {false, true}) {
    const auto rows = final_rows(options, readings, restarts);
    ASSERT_EQ(rows.size(), 13U);
    double sum = 0;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      EXPECT_EQ(rows[i][0], wanted[i]) << "five minutes number " << i;
      sum += rows[i][0];
    }
    EXPECT_EQ(sum, pulses(180) - pulses(0) - (pulses(100) - pulses(99)));
  }
}

TEST(Recipe, thermostat_that_publishes_on_change_has_the_average_of_what_it_showed) {
  PipelineOptions options =
      windows_of(Duration::hours(1), {Aggregate::count, Aggregate::time_weighted_avg, Aggregate::last});
  options.windows[0].emit_empty = true;
  options.windows[0].fill = Fill::last;
  const std::vector<Told> readings = {{6 * one_hour + 10 * one_minute, 18},  {6 * one_hour + 50 * one_minute, 21},
                                      {7 * one_hour + 30 * one_minute, 20},  {9 * one_hour + 15 * one_minute, 17},
                                      {11 * one_hour + 45 * one_minute, 19}, {12 * one_hour + 10 * one_minute, 20}};
  for (const bool restarts : {false, true}) {
    EXPECT_THAT(final_rows(options, readings, restarts),
                ElementsAre(ElementsAre(2, testing::DoubleEq((18 * 40 + 21 * 10) / 50.0), 21),  // from 06:10 on
                            ElementsAre(1, testing::DoubleEq((21 * 30 + 20 * 30) / 60.0), 20), ElementsAre(0, 20, 20),
                            ElementsAre(1, testing::DoubleEq((20 * 15 + 17 * 45) / 60.0), 17), ElementsAre(0, 17, 17),
                            ElementsAre(1, testing::DoubleEq((17 * 45 + 19 * 15) / 60.0), 19),
                            ElementsAre(1, testing::DoubleEq((19 * 10 + 20 * 50) / 60.0), 20)));
  }
}

TEST(Recipe, door_contact_says_how_often_and_for_how_long_the_door_was_open) {
  PipelineOptions options = windows_of(
      Duration::hours(1), {Aggregate::count, Aggregate::changes, Aggregate::duration(1), Aggregate::duration(0)});
  options.windows[0].emit_empty = true;
  options.windows[0].fill = Fill::last;
  const std::vector<Told> readings = {{8 * one_hour + 5 * one_minute, 1},
                                      {8 * one_hour + 7.5 * one_minute, 0},
                                      {9 * one_hour + 50 * one_minute, 1},
                                      {11 * one_hour + 20 * one_minute, 0},
                                      {12 * one_hour, 0}};  // says so again
  for (const bool restarts : {false, true}) {
    EXPECT_THAT(final_rows(options, readings, restarts),
                ElementsAre(ElementsAre(2, 1, 150, 3600 - 450), ElementsAre(1, 1, 600, 3000),
                            ElementsAre(0, 0, 3600, 0), ElementsAre(1, 1, 1200, 2400), ElementsAre(1, 0, 0, 3600)));
  }
}

}  // namespace
}  // namespace edgetide::test
