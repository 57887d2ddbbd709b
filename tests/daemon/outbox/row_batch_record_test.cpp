#include "daemon/outbox/row_batch_record.h"

#include <bit>
#include <cmath>
#include <gtest/gtest.h>

#include "tests/daemon/storage/format_page.h"
#include "tests/sinks/batch_builder.h"

namespace edgetide::test {
namespace {

std::vector<WindowSchema> two_windows() {
  return {{"minute", {{"count", true}, {"avg", false}}}, {"hour", {{"max", false}}}};
}

RowBatch every_kind() {
  RowBatch built =
      batch(EpochId{7, 12},
            {
                {series("kitchen", "t", "C", {{"floor", "1"}, {"site", ""}}), -5, 1, {3, 21.5}, RowState::open},
                {series("hall"), 60'000'000, 2, {null, null}, RowState::retracted},
                {group("site=\\,x", {{"site", ",x"}}), 0, 1 << 24, {0, -0.0}, RowState::final},
            });
  WindowRows hour{1, {built.windows[0].rows[0]}, {5e-324}};
  hour.rows[0].end = Timestamp::latest();
  hour.rows[0].state = RowState::closed;
  built.windows.push_back(hour);
  return built;
}

std::string payload_of(const RowBatch& batch, EpochId first = {1, 1}) {
  std::string payload;
  encode(first, batch, two_windows(), payload);
  return payload;
}

void expect_equal(const WindowRows& a, const WindowRows& b) {
  EXPECT_EQ(a.input, b.input);
  ASSERT_EQ(a.rows.size(), b.rows.size());
  for (std::size_t i = 0; i < a.rows.size(); ++i) {
    EXPECT_EQ(a.rows[i].series->sensor, b.rows[i].series->sensor);
    EXPECT_EQ(a.rows[i].series->metric, b.rows[i].series->metric);
    EXPECT_EQ(a.rows[i].series->unit, b.rows[i].series->unit);
    EXPECT_EQ(a.rows[i].series->labels, b.rows[i].series->labels);
    EXPECT_EQ(a.rows[i].series->grouped, b.rows[i].series->grouped);
    EXPECT_EQ(a.rows[i].start, b.rows[i].start);
    EXPECT_EQ(a.rows[i].end, b.rows[i].end);
    EXPECT_EQ(a.rows[i].state, b.rows[i].state);
    EXPECT_EQ(a.rows[i].revision, b.rows[i].revision);
  }
  ASSERT_EQ(a.values.size(), b.values.size());
  for (std::size_t i = 0; i < a.values.size(); ++i) {
    EXPECT_EQ(std::bit_cast<std::uint64_t>(a.values[i]), std::bit_cast<std::uint64_t>(b.values[i]));
  }
}

TEST(RowBatchRecord, batch_comes_back_with_all_that_is_in_it) {
  const RowBatch sent = every_kind();
  const auto decoded = decode_row_batch(payload_of(sent, {7, 9}), two_windows());
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->epochs, (EpochRange{{7, 9}, {7, 12}}));
  EXPECT_EQ(decoded->batch.id, sent.id);
  EXPECT_EQ(decoded->rows_without_window, 0U);
  ASSERT_EQ(decoded->batch.windows.size(), 2U);
  expect_equal(decoded->batch.windows[0], sent.windows[0]);
  expect_equal(decoded->batch.windows[1], sent.windows[1]);
}

RowBatch with_sketches() {
  RowBatch built = every_kind();
  built.windows[0].rows[0].sketch = std::make_shared<const std::string>("\0\n sketch", 9);
  built.windows[1].rows[0].sketch = std::make_shared<const std::string>(70'000, '\xFF');
  return built;
}

TEST(RowBatchRecord, batch_with_sketches_is_of_another_type_and_has_them) {
  EXPECT_EQ(type_of(every_kind()), row_batch_type);
  const RowBatch sent = with_sketches();
  EXPECT_EQ(type_of(sent), sketched_batch_type);
  const auto decoded = decode_row_batch(payload_of(sent), two_windows(), sketched_batch_type);
  ASSERT_TRUE(decoded);
  for (std::size_t w = 0; w < 2; ++w) {
    expect_equal(decoded->batch.windows.at(w), sent.windows[w]);
    for (std::size_t i = 0; i < sent.windows[w].rows.size(); ++i) {
      const auto &got = decoded->batch.windows[w].rows[i].sketch, &was = sent.windows[w].rows[i].sketch;
      EXPECT_EQ(got ? *got : "none", was ? *was : "none");
    }
  }
  EXPECT_FALSE(decode_row_batch(payload_of(sent), two_windows()));
  EXPECT_EQ(decode_row_batch_head(payload_of(sent))->rows, 4U);
}

TEST(RowBatchRecord, batch_with_sketches_that_is_cut_or_damaged_does_no_harm) {
  RowBatch sent = with_sketches();
  sent.windows[1].rows[0].sketch = std::make_shared<const std::string>("x");
  const std::string payload = payload_of(sent);
  for (std::size_t at = 0; at < payload.size(); ++at) {
    EXPECT_FALSE(decode_row_batch(payload.substr(0, at), two_windows(), sketched_batch_type)) << "cut at " << at;
    for (const char wrong : {'\0', '\x7F', '\xFF'}) {
      std::string damaged = payload;
      damaged[at] = wrong;
      static_cast<void>(decode_row_batch(damaged, two_windows(), sketched_batch_type));
    }
  }
}

TEST(RowBatchRecord, sketch_finds_its_column_after_the_configuration_has_changed) {
  std::vector<WindowSchema> then = {{"minute", {{"count", true}, {"sketch", false, true}}}};
  RowBatch sent = batch(1, {{series("a"), 0, 1, {1, null}}});
  sent.windows[0].rows[0].sketch = std::make_shared<const std::string>("bytes");
  std::string payload;
  encode({1, 1}, sent, then, payload);
  const std::vector<WindowSchema> now = {{"minute", {{"sketch", false, true}, {"avg", false}}}};
  const auto decoded = decode_row_batch(payload, now, sketched_batch_type);
  ASSERT_TRUE(decoded);
  EXPECT_EQ(*decoded->batch.windows.at(0).rows.at(0).sketch, "bytes");
  EXPECT_TRUE(std::isnan(decoded->batch.windows[0].values_of(0, 2)[0]));
}

TEST(RowBatchRecord, count_says_how_many_readings_a_row_has_where_count_was_removed) {
  const std::string payload = payload_of(every_kind());
  const auto decoded = decode_row_batch(payload, {{"minute", {{"avg", false}, {"readings", true}}}});
  ASSERT_TRUE(decoded);
  ASSERT_EQ(decoded->batch.windows.size(), 1U);
  EXPECT_EQ(decoded->batch.windows[0].values[0], 21.5);
  EXPECT_EQ(decoded->batch.windows[0].values[1], 3);
}

TEST(RowBatchRecord, head_is_read_without_the_rows) {
  const auto head = decode_row_batch_head(payload_of(every_kind(), {7, 9}));
  ASSERT_TRUE(head);
  EXPECT_EQ(head->epochs, (EpochRange{{7, 9}, {7, 12}}));
  EXPECT_EQ(head->rows, 4U);
}

TEST(RowBatchRecord, texts_of_a_series_are_written_once) {
  const auto kitchen = series("a sensor with a rather long name");
  const RowText row{kitchen, 0, 1, {1, 1}};
  const std::size_t one = payload_of(batch(1, {row})).size();
  EXPECT_EQ(payload_of(batch(1, std::vector<RowText>(11, row))).size(), one + 10 * (25 + 16));
}

TEST(RowBatchRecord, windows_and_columns_are_found_by_name_after_the_configuration_has_changed) {
  const std::vector<WindowSchema> now = {{"day", {{"avg", false}}}, {"minute", {{"p50", false}, {"avg", false}}}};
  const auto decoded = decode_row_batch(payload_of(every_kind()), now);
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->rows_without_window, 1U);  // hour
  ASSERT_EQ(decoded->batch.windows.size(), 1U);
  const WindowRows& minute = decoded->batch.windows[0];
  EXPECT_EQ(minute.input, 1U);
  ASSERT_EQ(minute.rows.size(), 3U);
  EXPECT_TRUE(std::isnan(minute.values_of(0, 2)[0]));
  EXPECT_EQ(minute.values_of(0, 2)[1], 21.5);
}

TEST(RowBatchRecord, payloads_that_are_cut_or_longer_are_refused) {
  const std::string payload = payload_of(every_kind());
  for (std::size_t cut = 0; cut < payload.size(); ++cut) {
    EXPECT_FALSE(decode_row_batch(payload.substr(0, cut), two_windows())) << "cut at " << cut;
  }
  EXPECT_FALSE(decode_row_batch(payload + '\0', two_windows()));
}

// The checksum of the record keeps such bytes away; if they come all the same they must do no harm.
TEST(RowBatchRecord, any_wrong_byte_is_refused_or_read_as_another_batch) {
  const std::string payload = payload_of(every_kind());
  for (std::size_t at = 0; at < payload.size(); ++at) {
    for (const char wrong : {'\0', '\1', '\x7F', '\xFF'}) {
      std::string damaged = payload;
      damaged[at] = wrong;
      const auto decoded = decode_row_batch(damaged, two_windows());
      if (!decoded) continue;
      EXPECT_LE(decoded->batch.row_count() + decoded->rows_without_window, 4U);
    }
  }
}

// The worked example of the page of formats.
TEST(RowBatchRecord, payload_is_what_the_page_says) {
  const auto kitchen = series("kitchen", "temperature", "C", {{"floor", "1"}});
  const RowBatch rows = batch(EpochId{7, 42}, {{kitchen, 1'795'224'600'000'000, 2, {3, 21.5}, RowState::final}});
  EXPECT_EQ(to_hexdump(payload_of(rows, {7, 41})), hexdump_of_page("outbox"));
}

}  // namespace
}  // namespace edgetide::test
