// A number that is too small for a double is 0, one that is too large is refused as not finite, in every format that
// carries numbers as text.
#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "daemon/commands/learned_config.h"
#include "daemon/decoders/route.h"

namespace edgetide {
namespace {

struct Carrier {
  std::string route;
  std::string topic;
  std::string before, behind;  // the number stands between them
};

const std::vector<Carrier> carriers = {
    {R"(topic = "t/{device}", format = "json")", "t/a", R"({"t":)", "}"},
    {R"(topic = "t/{device}", format = "json")", "t/a", R"({"t":")", R"("})"},
    {R"(topic = "t/{device}", format = "json", values = ["t"])", "t/a", R"({"u":nan,"t":)", "}"},
    {R"(topic = "t/{device}", format = "number")", "t/a", "", ""},
    {R"(topic = "t", format = "influx")", "t", "m,host=a t=", " 1700000000000000000"},
    {R"(topic = "t", format = "influx")", "t", "m,host=a t=\"", "\""},
    {R"(topic = "t", format = "csv", sensor = { path = "id" })", "t", "id,t\na,", "\n"},
    {R"(topic = "t", format = "graphite")", "t", "a.t ", ""},
    {R"(topic = "t", format = "statsd")", "t", "a.t:", "|g"},
    {R"(topic = "t/{device}", format = "keyvalue")", "t/a", "t=", ""},
    {R"(topic = "t", format = "regex", pattern = '(?P<sensor>\w+) (?P<value>\S+)')", "t", "a ", ""},
    {R"(topic = "t", format = "nmea0183")", "t", "$YXXDR,C,", ",C,A"},
#if EDGETIDE_CBOR
    {R"(topic = "t", format = "senml")", "t", R"([{"n":"a:t","v":)", "}]"},
#endif
};

DecodedBatch batch_of(const Carrier& carrier, const std::string& number) {
  static std::vector<Router> routers;  // the readings point into them
  static std::vector<std::string> payloads;
  routers.reserve(1000);
  payloads.reserve(1000);
  routers.emplace_back(routes_of_toml("[sources.s]\ntype = \"mqtt\"\nservers = [\"mqtt://localhost\"]\nroutes = [{ " +
                                      carrier.route + " }]\n[windows.w]\nsize = \"1m\"\n"));
  payloads.push_back(carrier.before + number + carrier.behind);
  DecodedBatch batch;
  routers.back().decode(carrier.topic, payloads.back(), batch);
  return batch;
}

TEST(NumberRange, number_too_small_for_a_double_is_zero_in_every_format) {
  const std::string tiny[] = {"1e-400", "-1e-400", "0.5E-5000", "1e-99999999999999999999",
                              "0." + std::string(400, '0') + "1"};
  for (const Carrier& carrier : carriers) {
    for (const std::string& number : tiny) {
      if (number.front() == '-' && carrier.route.ends_with("\"statsd\"")) continue;  // a step of a gauge
      const DecodedBatch batch = batch_of(carrier, number);
      ASSERT_EQ(batch.readings.size(), 1U) << carrier.route << ": " << number;
      EXPECT_EQ(batch.readings[0].value, 0) << carrier.route << ": " << number;
      EXPECT_TRUE(batch.refusals.empty()) << carrier.route << ": " << number;
    }
  }
}

TEST(NumberRange, number_too_large_for_a_double_is_not_finite_in_every_format) {
  const std::string huge[] = {"1e400", "-1e400", "0.001e400", "1e+99999999999999999999", '1' + std::string(400, '0')};
  for (const Carrier& carrier : carriers) {
    for (const std::string& number : huge) {
      const DecodedBatch batch = batch_of(carrier, number);
      EXPECT_TRUE(batch.readings.empty()) << carrier.route << ": " << number;
      ASSERT_EQ(batch.refusals.size(), 1U) << carrier.route << ": " << number;
      EXPECT_EQ(name_of(batch.refusals[0].reason), "not_finite") << carrier.route << ": " << number;
    }
  }
}

#if EDGETIDE_CBOR
TEST(NumberRange, decimal_fractions_of_cbor_are_as_their_text) {
  const std::string before = "\xa1\x61t\xc4\x82";
  const Carrier carrier = {R"(topic = "t/{device}", format = "cbor")", "t/a", before, "\x01"};
  const DecodedBatch tiny = batch_of(carrier, "\x39\x01\x8f");  // 1e-400
  ASSERT_EQ(tiny.readings.size(), 1U);
  EXPECT_EQ(tiny.readings[0].value, 0);
  const DecodedBatch huge = batch_of(carrier, "\x19\x01\x90");  // 1e400
  ASSERT_EQ(huge.refusals.size(), 1U);
  EXPECT_EQ(name_of(huge.refusals[0].reason), "not_finite");
}
#endif

TEST(NumberRange, smallest_number_that_a_double_holds_is_read) {
  for (const Carrier& carrier : carriers) {
    const DecodedBatch batch = batch_of(carrier, "4.9406564584124654e-324");
    ASSERT_EQ(batch.readings.size(), 1U) << carrier.route;
    EXPECT_GT(batch.readings[0].value, 0) << carrier.route;
  }
}

}  // namespace
}  // namespace edgetide
