#include "daemon/enrichment/enrichment.h"

#include <gtest/gtest.h>

namespace edgetide {
namespace {

using Labels = std::vector<Label>;

std::shared_ptr<const SensorTable> table(const std::string& sensor, Labels labels, Calibration calibration = {}) {
  auto made = std::make_shared<SensorTable>();
  made->add(sensor, {std::move(labels), calibration});
  return made;
}

// As the intake does it: the series of a reading, added where it is new.
SeriesId series_of(Enrichment& enrichment, SeriesTable& series, std::span<const LabelView> labels) {
  const ReadingNames names{"a", "t", "", labels};
  if (const auto known = enrichment.find(SourceId{0}, names, series)) return *known;
  return *series.add(enrichment.make(SourceId{0}, names));
}

TEST(Enrichment, each_set_of_labels_has_its_own_id_and_is_found_again) {
  struct LabelCase {
    const char* what;
    std::vector<LabelView> labels;
    Labels of_series;
  };
  const LabelCase cases[] = {
      {"none", {}, {{"site", "lyon"}}},
      {"of the reading", {{"status", "200"}}, {{"site", "lyon"}, {"status", "200"}}},
      {"another value", {{"status", "404"}}, {{"site", "lyon"}, {"status", "404"}}},
      {"in another order", {{"b", "2"}, {"a", "1"}}, {{"a", "1"}, {"b", "2"}, {"site", "lyon"}}},
      {"its own before that of the table", {{"site", "paris"}}, {{"site", "paris"}}},
      {"twice the same key: the first", {{"k", "1"}, {"k", "2"}}, {{"k", "1"}, {"site", "lyon"}}},
      {"empty value", {{"k", ""}}, {{"k", ""}, {"site", "lyon"}}},
  };
  Enrichment enrichment({table("a", {{"site", "lyon"}})});
  SeriesTable series(100);
  std::vector<SeriesId> ids;
  for (const LabelCase& one : cases) {
    ids.push_back(series_of(enrichment, series, one.labels));
    EXPECT_EQ(series[ids.back()].labels, one.of_series) << one.what;
    EXPECT_EQ(series.origin_of(ids.back()), ids.front()) << one.what;
  }
  EXPECT_EQ(series.size(), std::size(cases));
  for (std::size_t i = 0; i < std::size(cases); ++i) {
    EXPECT_EQ(series_of(enrichment, series, cases[i].labels), ids[i]) << cases[i].what;
  }
}

TEST(Enrichment, order_of_labels_in_a_message_makes_no_other_series) {
  Enrichment enrichment;
  SeriesTable series(100);
  const std::vector<LabelView> one = {{"a", "1"}, {"b", "2"}}, other = {{"b", "2"}, {"a", "1"}};
  EXPECT_EQ(series_of(enrichment, series, one), series_of(enrichment, series, other));
}

TEST(Enrichment, another_table_takes_effect_with_the_next_reading) {
  Enrichment enrichment({table("a", {{"site", "lyon"}}, {2, 0})});
  SeriesTable series(100);
  const SeriesId before = series_of(enrichment, series, {});
  EXPECT_EQ(enrichment.calibrated(SourceId{0}, before, series, 5), 10);
  enrichment.replace({table("a", {{"site", "paris"}}, {3, 1})});
  const SeriesId after = series_of(enrichment, series, {});
  EXPECT_NE(after, before);
  EXPECT_EQ(series[after].labels, (Labels{{"site", "paris"}}));
  EXPECT_EQ(enrichment.calibrated(SourceId{0}, after, series, 5), 16);
  enrichment.replace({nullptr});
  EXPECT_EQ(series[series_of(enrichment, series, {})].labels, Labels());
}

TEST(SensorTable, sensors_with_other_labels_are_counted) {
  EXPECT_EQ(table("a", {{"site", "x"}})->labels_changed(*table("a", {{"site", "x"}}, {2, 0})), 0U);
  EXPECT_EQ(table("a", {{"site", "y"}})->labels_changed(*table("a", {{"site", "x"}})), 1U);
  EXPECT_EQ(table("a", {{"site", "y"}})->labels_changed(*table("b", {{"site", "x"}})), 2U);
}

}  // namespace
}  // namespace edgetide
