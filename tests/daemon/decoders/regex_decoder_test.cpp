#include "daemon/decoders/regex_decoder.h"

#include <gtest/gtest.h>
#include <memory>
#include <string>

#include "tests/daemon/decoders/decoded_text.h"
#include "tests/fakes/counting_allocator.h"

namespace edgetide {
namespace {

MappingOptions with_pattern(const std::string& pattern, bool all = false) {
  auto own = std::make_shared<RegexOptions>();
  own->pattern = pattern;
  own->all = all;
  MappingOptions mapping;
  mapping.format = &regex_format;
  mapping.own = own;
  return mapping;
}

MappingOptions access_log() {
  MappingOptions mapping =
      with_pattern(R"(^(?P<host>\S+) \S+ \S+ \[(?P<time>[^\]]+)\] "\S+ (?P<url>[^" ]+)(?: [^"]*)?" (?P<status>\d{3}))");
  mapping.sensor = "{url}";
  mapping.metric = "{status}";
  mapping.time.pattern = "%d/%b/%Y:%H:%M:%S %z";
  return mapping;
}

const std::string hit = R"(127.0.0.1 - frank [10/Oct/2000:13:55:36 -0700] "GET /apache_pb.gif HTTP/1.0" 200 2326)";

TEST(RegexDecoder, urls_and_statuses_of_an_access_log_are_counted) {
  MappingOptions mapping = access_log();
  EXPECT_EQ(decoded(mapping, hit), "/apache_pb.gif/200=1@971211336000000");
  EXPECT_EQ(decoded(mapping, hit + "\r\n\n" + hit + " \"http://a/\" \"Mozilla/4.08\"\n"),
            "/apache_pb.gif/200=1@971211336000000; /apache_pb.gif/200=1@971211336000000");
  mapping.labels = {{"client", "host"}};
  EXPECT_EQ(decoded(mapping, hit), "/apache_pb.gif/200=1@971211336000000{client=127.0.0.1}");
}

TEST(RegexDecoder, line_without_a_match_costs_only_itself) {
  const std::string long_url =
      R"(::1 - - [10/Oct/2000:13:55:36 -0700] "GET /)" + std::string(128, 'x') + R"( HTTP/1.0" 200 1)";
  EXPECT_EQ(decoded(access_log(), "nonsense\n" + hit), "/apache_pb.gif/200=1@971211336000000; no_match@0");
  EXPECT_EQ(decoded(access_log(), hit + "\n" + long_url), "/apache_pb.gif/200=1@971211336000000; bad_id@86(sensor)");
  EXPECT_EQ(decoded(access_log(), "a b c [yesterday] \"GET / HTTP/1.0\" 200"), "//200=1@unreadable");
  EXPECT_EQ(decoded(access_log(), "a b c [] \"GET / HTTP/1.0\" 200"), "no_match@0");
  EXPECT_EQ(decoded(access_log(), ""), "");
}

TEST(RegexDecoder, bytes_that_are_not_utf8_are_read_as_latin_1) {
  const std::string latin = R"(::1 - - [10/Oct/2000:13:55:36 -0700] "GET /caf)"
                            "\xE9"
                            R"( HTTP/1.0" 200 1)";
  EXPECT_EQ(decoded(access_log(), latin), "/café/200=1@971211336000000");
  const MappingOptions all = with_pattern(R"((?P<sensor>\w+) .*=(?P<value>\d+))");
  EXPECT_EQ(decoded(all, "a ü\xFC=1\nb \x80\xC3=2\n\xC3"), "a/value=1; b/value=2; no_match@15");
}

TEST(RegexDecoder, every_match_of_a_line_is_a_reading_with_all) {
  const MappingOptions words = with_pattern(R"((?P<sensor>\pL+))", true);
  EXPECT_EQ(decoded(words, "to be, or not to be\n"),
            "to/value=1; be/value=1; or/value=1; not/value=1; to/value=1; be/value=1");
  EXPECT_EQ(decoded(with_pattern(R"((?P<sensor>\pL+))"), "to be"), "to/value=1");
  const MappingOptions hashtags = with_pattern(R"((?P<sensor>#[\pL\pN_]+))", true);
  EXPECT_EQ(decoded(hashtags, "#Été in #Lyon!\nno tag\n#été2"),
            "#Été/value=1; #Lyon/value=1; #été2/value=1; no_match@17");
  const MappingOptions pairs = with_pattern(R"((?P<metric>\w+)=(?P<value>\S+))", true);
  EXPECT_EQ(decoded(pairs, "t=21.5 h=x p=1e3", "r/{device}", "r/pump"),
            "pump/t=21.5; pump/p=1000; bad_number@0(r/pump)");
}

TEST(RegexDecoder, empty_matches_are_none) {
  const MappingOptions blank = with_pattern(R"((?P<sensor>x*))", true);
  EXPECT_EQ(decoded(blank, "aéxxbx"), "xx/value=1; x/value=1");
  EXPECT_EQ(decoded(blank, "aé"), "no_match@0");
  EXPECT_EQ(decoded(blank, "a\xFF"), "no_match@0");
}

TEST(RegexDecoder, group_value_is_read_as_any_value) {
  MappingOptions mapping = with_pattern(R"((?P<device>\w+) is (?P<value>.*))");
  EXPECT_EQ(decoded(mapping, "pump is on\nfan is 21,5\nx is nan\ny is soft\nz is 9007199254740993"),
            "pump/value=1; fan/value=21.5; z/value=9.00719925474099e+15; not_finite@23; bad_number@32; 1 inexact");
  mapping.unit = "W";
  EXPECT_EQ(decoded(mapping, "pump is 1.2 kW\nfan is 5 A"), "pump/value[W]=1200; bad_unit@15");
  const MappingOptions optional = with_pattern(R"(^(?P<sensor>\w+)( at (?P<time>\d+))?$)");
  EXPECT_EQ(decoded(optional, "a at 5\nb"), "a/value=1@5000000; b/value=1");
}

TEST(RegexDecoder, mapping_that_does_not_fit_the_pattern_is_refused_with_a_reason) {
  const struct {
    MappingOptions mapping;
    std::string sensor, reason;
  } cases[] = {
      {with_pattern(""), "s", R"x(pattern: format 'regex' needs one, such as '(?P<sensor>\S+) (?P<value>\S+)')x"},
      {with_pattern("(?P<a>x"), "s", "pattern: not a regular expression of RE2: missing ): (?P<a>x"},
      {with_pattern("(?<a>x)"), "s",
       "pattern: not a regular expression of RE2: invalid perl operator: (?<; a named group is (?P<name>...)"},
      {with_pattern("((a{100}){100}){100}"), "s",
       "pattern: not a regular expression of RE2: invalid repetition size: {100}"},
      {with_pattern("(\\pL{500})"), "s", "pattern: needs more than 1 MiB; repeat less in it"},
      {with_pattern(std::string(4097, 'x')), "s", "pattern: longer than 4096 bytes"},
      {with_pattern("(?P<a>x)"), "",
       "sensor: nothing names the sensor; set 'sensor', name a group (?P<sensor>...), or capture {device} in the "
       "topic"},
      {with_pattern("(?P<a>x)"), "{b}", "sensor: '{b}' is neither a group of the pattern nor captured by the topic"},
  };
  for (const auto& c : cases) {
    MappingOptions mapping = c.mapping;
    mapping.sensor = c.sensor;
    EXPECT_EQ(mapping_error(mapping), c.reason);
  }
  MappingOptions mapping = with_pattern("(?P<sensor>x)");
  mapping.labels = {{"l", "b"}};
  EXPECT_EQ(mapping_error(mapping), "labels.l: the pattern has no group (?P<b>...)");
  mapping.labels.clear();
  mapping.time.path = "b";
  EXPECT_EQ(mapping_error(mapping), "time: the pattern has no group (?P<b>...)");
  std::string groups;
  for (int i = 0; i < 33; ++i) groups += "(a)";
  EXPECT_EQ(mapping_error(with_pattern(groups)),
            "pattern: has more than 32 groups; write (?:...) for those without a name");
}

TEST(RegexDecoder, pattern_that_runs_in_one_pass_allocates_nothing) {
  Router router({RouteOptions{"", access_log()}});
  DecodedBatch batch;
  const auto decode = [&] {
    batch.clear();
    router.decode("", hit, batch);
  };
  decode();
  const std::uint64_t before = test::allocations();
  for (int i = 0; i < 100; ++i) decode();
  EXPECT_EQ(test::allocations(), before);
}

}  // namespace
}  // namespace edgetide
