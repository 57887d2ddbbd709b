#include "daemon/decoders/csv_decoder.h"

#include <gtest/gtest.h>
#include <string>

#include "daemon/decoders/route.h"
#include "tests/daemon/decoders/decoded_text.h"

namespace edgetide {
namespace {

MappingOptions csv(std::vector<std::string> columns = {}) {
  MappingOptions mapping;
  mapping.format = &csv_format;
  mapping.sensor_path = "id";
  mapping.time.path = "time";
  mapping.columns = std::move(columns);
  return mapping;
}

struct CsvCase {
  std::string payload;
  const char* expected;
};

TEST(CsvDecoder, first_line_names_the_columns) {
  const CsvCase cases[] = {
      {"id,time,t,h\na,1,21.5,40\nb,2,22,41\n", "a/t=21.5@1000000; a/h=40@1000000; b/t=22@2000000; b/h=41@2000000"},
      {"t,id\r\n1,a\r\n2,b", "a/t=1; b/t=2"},
      {"\xEF\xBB\xBFid,t\na,1", "a/t=1"},
      {"id,t\n\n\r\na,1\n\n", "a/t=1"},
      {" id , \"t\" \n a , 1 ", "a/t=1"},
      {"id,t,note,\na,1,ok,5", "a/t=1"},
      {"id,t\na,\nb,2", "b/t=2"},
      {"id,t", ""},
      {"", ""},
      {"id,time,t\na,,1", "a/t=1"},
      {"id,time,t\na,2024-11-20T10:53:20.123Z,1", "a/t=1@1732100000123000"},
  };
  for (const CsvCase& c : cases) EXPECT_EQ(decoded(csv(), c.payload), c.expected) << c.payload;
}

TEST(CsvDecoder, date_and_time_of_day_may_be_two_columns_and_a_value_in_another_unit) {
  MappingOptions mapping = csv({"id", "day", "clock", "t"});
  mapping.time = {.path = "day", .time_of_day = "clock"};
  EXPECT_EQ(decoded(mapping, "a,1970-01-02,00:00:01,5"), "a/t=5@86401000000");
  mapping.values = {{.path = "t", .convert = "F->C"}};
  EXPECT_EQ(decoded(mapping, "a,1970-01-02,00:00:01,50"), "a/t[C]=10@86401000000");
}

TEST(CsvDecoder, columns_can_be_configured_and_a_repeated_header_is_skipped) {
  const auto mapping = csv({"id", "time", "t"});
  EXPECT_EQ(decoded(mapping, "a,1,21.5"), "a/t=21.5@1000000");
  EXPECT_EQ(decoded(mapping, "id,time,t\na,1,21.5\nid,time,t\n"), "a/t=21.5@1000000");
}

TEST(CsvDecoder, header_that_comes_with_a_message_names_the_columns_of_its_lines) {
  const std::unique_ptr<Decoder> decoder = make_decoder(csv(), {});
  const auto decoded = [&](std::string_view header, std::string_view payload) {
    DecodedBatch batch;
    decoder->decode({.topic = "file", .payload = payload, .header = header}, batch);
    return to_text(batch);
  };
  EXPECT_EQ(decoded("id,t\r", "a,1\nb,2"), "a/t=1; b/t=2");
  EXPECT_EQ(decoded("id,t\r", "a,3"), "a/t=3");
  EXPECT_EQ(decoded("\xEF\xBB\xBFh,\"id\"", "40,a"), "a/h=40");
  EXPECT_EQ(decoded("", "id,t\na,1"), "a/t=1") << "without one the first line is it";
  EXPECT_EQ(decoded("h,\"id", "40,a"), "bad_syntax@0(file)");
}

TEST(CsvDecoder, header_of_the_message_before_is_known_again_and_another_is_not) {
  Router router({RouteOptions{{}, csv()}});
  DecodedBatch batch;
  const struct {
    std::string payload;
    const char* expected;
  } messages[] = {
      {"id,t\na,1\n", "a/t=1"},     {"id,t\nb,2\nc,3\n", "b/t=2; c/t=3"}, {"\xEF\xBB\xBFid,t\na,4\n", "a/t=4"},
      {"id,u\na,5\n", "a/u=5"},     {"id,u,t\na,6,7\n", "a/u=6; a/t=7"},  {"id,u,t\na,6\n", "bad_syntax@7"},
      {"id,\"u\"\na,8\n", "a/u=8"}, {"id,\"u\"\na,9\n", "a/u=9"},         {"id,u", ""},
      {"id,u\na,10", "a/u=10"},     {"\nid,u\na,11", "a/u=11"},           {"id,u\na,12", "a/u=12"},
  };
  for (const auto& message : messages) {
    batch.clear();
    const std::string payload = message.payload;  // freed with all names of columns in it
    router.decode("", payload, batch);
    EXPECT_EQ(to_text(batch), std::string(message.expected)) << message.payload;
  }
  DecodedBatch several;
  for (const auto& message : messages) router.decode("", message.payload, several);
  EXPECT_EQ(several.readings[4].metric, "u");
  EXPECT_EQ(several.readings[1].metric, "t") << "names live as long as their batch";
}

TEST(CsvDecoder, quoted_fields_hold_delimiters_newlines_and_quotes) {
  EXPECT_EQ(decoded(csv(), "id,t,\"a \"\"b\"\", c\"\n\"x,y\",\"1,5\",\"2\"\n"), "x,y/t=1.5; x,y/a \"b\", c=2");
  EXPECT_EQ(decoded(csv(), "id,note,t\na,\"two\nlines\",1\n"), "a/t=1");
  EXPECT_EQ(decoded(csv(), "id,t\n\"a\"\"b\",1"), "a\"b/t=1");
}

TEST(CsvDecoder, other_delimiters_leave_the_comma_to_numbers) {
  auto mapping = csv();
  mapping.delimiter = ';';
  EXPECT_EQ(decoded(mapping, "id;t\na;1,5"), "a/t=1.5");
  mapping.delimiter = '\t';
  EXPECT_EQ(decoded(mapping, "id\tt\th\na\t\t2\n"), "a/h=2");
}

TEST(CsvDecoder, listed_columns_are_converted_and_named) {
  auto mapping = csv({"id", "time", "t", "p", "kind"});
  mapping.labels = {{"kind", "kind"}};
  mapping.values = {{.path = "t", .metric = "temperature", .unit = "°C"}, {.path = "p", .scale = 2, .offset = 1}};
  EXPECT_EQ(decoded(mapping, "a,1,21.5,10,x\nb,2,n/a,,"),
            "a/temperature[°C]=21.5@1000000{kind=x}; a/p=21@1000000{kind=x}; bad_number@18(t)");
}

TEST(CsvDecoder, record_with_a_metric_names_its_values_by_it) {
  auto mapping = csv({"id", "what", "value", "min"});
  mapping.time.path.clear();
  mapping.metric_path = "what";
  EXPECT_EQ(decoded(mapping, "a,temp,1,0\na,,2,0"), "a/temp=1; a/temp.min=0; bad_id@13(what)");
  mapping.values = {{.path = "min"}};
  EXPECT_EQ(decoded(mapping, "a,temp,1,0"), "a/temp=0");
}

TEST(CsvDecoder, sensor_template_stands_in_for_an_absent_column) {
  auto mapping = csv();
  EXPECT_EQ(decoded(mapping, "t\n1", "x/{device}", "x/d"), "d/t=1");
  EXPECT_EQ(decoded(mapping, "id,t\n,1", "x/{device}", "x/d"), "d/t=1");
  EXPECT_EQ(decoded(mapping, "t\n1"), "bad_id@2(sensor)");
}

TEST(CsvDecoder, bad_line_is_refused_and_the_next_goes_on) {
  const CsvCase cases[] = {
      {"id,t\na\nb,2", "b/t=2; bad_syntax@5"},
      {"id,t\na,1,2\nb,2", "b/t=2; bad_syntax@5"},
      {"id,t\na\"x,1\nb,2", "b/t=2; bad_syntax@6"},
      {"id,t\n\"a\"x,1\nb,2", "b/t=2; bad_syntax@8"},
      {"id,t\n\"a,1\nb,2", "b/t=2; bad_syntax@13"},
      {"id,time,t\na,later,1\nb,2,2", "a/t=1@unreadable; b/t=2@2000000"},
      {"id,t\na\x01,1\nb,2", "b/t=2; bad_id@5(id)"},
      {"id,\x01\na,1", "bad_id@7"},
      {"\"id,t\na,1", "bad_syntax@9"},
      {"id,t\na,1e999\nb,nan\nc,3\nd,none", "c/t=3; not_finite@7; not_finite@15"},
  };
  for (const CsvCase& c : cases) EXPECT_EQ(decoded(csv(), c.payload), c.expected) << c.payload;
}

TEST(CsvDecoder, message_with_too_many_values_is_refused_as_a_whole) {
  std::string lines = "id,t\n";
  for (std::size_t i = 0; i < max_values_per_message; ++i) lines += "a,1\n";
  DecodedBatch batch;
  Router router({{"", csv()}});
  router.decode("", lines, batch);
  EXPECT_EQ(batch.readings.size(), max_values_per_message);
  batch.clear();
  router.decode("", lines + "a\n", batch);
  EXPECT_EQ(to_text(batch), "too_many_values@0");
}

TEST(CsvDecoder, values_of_one_name_are_not_mixed) {
  EXPECT_EQ(decoded(csv(), "id,t,t\na,1,2\nb,3,4"), "a/t=1; b/t=3; repeated_name@11(t); repeated_name@17(t)");
  auto mapping = csv({"id", "t", "t"});
  mapping.time.path.clear();
  EXPECT_EQ(mapping_error(mapping), "columns: 't' stands there twice");
  mapping.columns = {"id", "t", "u", "", ""};
  EXPECT_EQ(mapping_error(mapping), "");
  mapping.values = {{.path = "t"}, {.path = "u", .metric = "t"}};
  EXPECT_EQ(mapping_error(mapping),
            "values: 'u' and 't' would both be the metric 't'; give one of them another 'metric'");
  mapping.values = {{.path = "t"}, {.path = "u", .metric = "m.t"}};
  mapping.metric = "m";
  EXPECT_EQ(mapping_error(mapping),
            "values: 'u' and 't' would both be the metric 'm.t'; give one of them another 'metric'");
}

TEST(CsvDecoder, listed_column_that_a_header_has_twice_is_refused_the_second_time) {
  auto mapping = csv();
  mapping.values = {{.path = "t"}, {.path = "u", .metric = "m"}};
  EXPECT_EQ(decoded(mapping, "id,t,u,t,u\na,1,2,3,\nb,,5,6,7"),
            "a/t=1; a/m=2; b/t=6; b/m=5; repeated_name@17(t); repeated_name@27(m)");
}

TEST(CsvDecoder, options_it_cannot_use_are_refused) {
  auto mapping = csv({"id", "t"});
  EXPECT_EQ(mapping_error(mapping), "time: 'time' is not one of 'columns'");
  mapping.time.path.clear();
  mapping.values = {{.path = "x"}};
  EXPECT_EQ(mapping_error(mapping), "values: 'x' is not one of 'columns'");
  mapping = csv();
  mapping.delimiter = '"';
  EXPECT_EQ(mapping_error(mapping), "delimiter: this character cannot separate fields; use ',', ';' or a tab");
  mapping = csv();
  mapping.sensor_path.clear();
  EXPECT_EQ(mapping_error(mapping),
            "sensor: nothing names the sensor; name its column, capture {device} in the topic, or set 'sensor'");
}

}  // namespace
}  // namespace edgetide
