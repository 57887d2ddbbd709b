#include <gtest/gtest.h>
#include <string>

#include "daemon/commands/commands.h"
#include "tests/fakes/temporary_folder.h"

namespace edgetide {

namespace {

constexpr const char* two_sources = R"([sources.home]
type = "mqtt"
servers = ["mqtt://localhost"]
routes = [
  { topic = "tele/{device}/SENSOR", format = "tasmota" },
  { topic = "n/{device}/{metric}", format = "number", unit = "W" },
  { topic = "l/{device}", format = "json", time = "ts", timezone = "America/New_York" },
  { topic = "telegraf/#", format = "telegraf" },
  { topic = "u/{device}", format = "number", unit = "°C" },
)"
#if EDGETIDE_CBOR
                                    R"(  { topic = "senml/+", format = "senml" },
)"
#endif
                                    R"(]
[sources.socket]
type = "unix"
listen = "/run/edgetide/in.sock"
format = "influx"
[sources.meter]
type = "unix"
listen = "/run/edgetide/meter.sock"
format = "dsmr"
[windows.w]
size = "1m"
)";

struct Printed {
  int status;
  std::string out, err;
  bool operator==(const Printed&) const = default;
};
void PrintTo(const Printed& printed, std::ostream* to) {
  *to << printed.status << '\n' << printed.out << "---\n" << printed.err;
}

Printed printed(DecodeOptions options, const std::string& payload) {
  const test::TemporaryFolder folder;
  options.config = folder.write("edgetide.toml", two_sources);
  options.input = folder.write("payload", payload);
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  const int status = decode_command(options);
  std::string out = testing::internal::GetCapturedStdout();
  return {status, std::move(out), testing::internal::GetCapturedStderr()};
}

std::string error_of(const DecodeOptions& options) {
  try {
    printed(options, "1");
  } catch (const std::runtime_error& error) {
    testing::internal::GetCapturedStdout();
    testing::internal::GetCapturedStderr();
    return error.what();
  }
  return {};
}

TEST(Decode, message_of_a_topic_is_shown_as_its_route_reads_it) {
  EXPECT_EQ(
      printed({.topic = "tele/attic/SENSOR"}, R"({"Time":"2021-01-02T09:09:44Z","A":{"T":13.5},"B":"ON"})"),
      (Printed{exit_fine, "2021-01-02T09:09:44.000000Z  attic  A.T  13.5\n2021-01-02T09:09:44.000000Z  attic  B  1\n",
               "source home, route \"tele/{device}/SENSOR\", format json\n"}));
  EXPECT_EQ(printed({.topic = "n/plug/power"}, "1.5 kW"),
            (Printed{exit_fine, "arrival                      plug  power  1500 W\n",
                     "source home, route \"n/{device}/{metric}\", format number\n"}));
}

TEST(Decode, local_time_that_comes_twice_is_the_later_one_that_is_not_in_the_future) {
  const std::string payload = R"({"ts":"2026-11-01T01:30:00","v":1})";
  const struct {
    const char* arrival;
    const char* expected;
  } cases[] = {{"2026-11-01T05:31:00Z", "2026-11-01T05:30:00.000000Z"},
               {"2026-11-01T06:24:59Z", "2026-11-01T05:30:00.000000Z"},
               {"2026-11-01T06:25:01Z", "2026-11-01T06:30:00.000000Z"},
               {"2026-11-30T05:31:00Z", "2026-11-01T06:30:00.000000Z"}};
  for (const auto& c : cases) {
    EXPECT_EQ(printed({.topic = "l/a", .arrival = c.arrival}, payload).out, std::string(c.expected) + "  a  v  1\n");
  }
  EXPECT_NE(error_of({.topic = "l/a", .arrival = "noon"}).find("--arrival"), std::string::npos);
}

#if EDGETIDE_CBOR
TEST(Decode, times_that_count_from_the_arrival_are_said_so) {
  EXPECT_EQ(printed({.topic = "senml/gate"}, R"([{"n":"a:x","t":-90,"v":1},{"n":"a:x","t":5,"v":2}])").out,
            "arrival - 1m 30s             a  x  1\narrival + 5s                 a  x  2\n");
}
#endif

TEST(Decode, what_is_not_taken_is_said) {
  EXPECT_EQ(
      printed({.topic = "n/plug/power"}, "Online"),
      (Printed{exit_failed, "",
               "source home, route \"n/{device}/{metric}\", format number\nrefused: bad_number at n/plug/power\n"}));
  EXPECT_EQ(printed({.topic = "tele/attic/SENSOR"}, R"({"A":{"T":null}})").err,
            "source home, route \"tele/{device}/SENSOR\", format json\nno value in it is taken\n");
}

TEST(Decode, lines_of_a_socket_are_messages_and_json_is_input_of_replay) {
  EXPECT_EQ(
      printed({.format = ListFormat::json}, "m,host=a v=1 1000000000\nm,host=\n").out,
      R"({"source":"socket","sensor":"a","metric":"m.v","labels":{"host":"a"},"time":"1970-01-01T00:00:01.000000Z",)"
      R"("value":1,"unit":""})"
      "\n");
}

TEST(Decode, json_has_times_that_cannot_be_read_and_those_that_count_from_the_arrival) {
  EXPECT_EQ(printed({.topic = "tele/a/SENSOR", .format = ListFormat::json}, R"({"Time":"soon","t":1})").out,
            R"({"source":"home","sensor":"a","metric":"t","labels":{},"time":"unreadable","value":1,"unit":""})"
            "\n");
#if EDGETIDE_CBOR
  EXPECT_EQ(printed({.topic = "senml/x", .format = ListFormat::json}, R"([{"n":"d:t","t":-5,"v":1}])").out,
            R"({"source":"home","sensor":"d","metric":"t","labels":{},"seconds_from_arrival":-5,"value":1,"unit":""})"
            "\n");
#endif
}

TEST(Decode, elements_that_become_one_series_are_named_with_what_tells_them_apart) {
  const auto notes = [](const std::string& payload) { return printed({.topic = "telegraf/h"}, payload).err; };
  const auto metric = [](const std::string& tags, const std::string& time) {
    return R"({"fields":{"use":1,"idle":2},"name":"cpu","tags":{"host":"h",)" + tags + R"(},"timestamp":)" + time + '}';
  };
  const auto batch = [&](const std::string& one, const std::string& other) {
    return notes(R"({"metrics":[)" + one + ',' + other + "]}");
  };
  const std::string head = "source home, route \"telegraf/#\", format json\n";
  EXPECT_EQ(batch(metric(R"("cpu":"cpu0","n":"1")", "1700000000"), metric(R"("cpu":"cpu1","z":"2")", "1700000000")),
            head +
                "warning: sensor h, metric cpu.use: readings of one time differ in the labels cpu (cpu0, cpu1), "
                "n (1, none), z (none, 2), and windows without group_by count them together; if they are different "
                "things, let sensor or metric of the route have these labels in its name, or group windows by them\n");
  EXPECT_EQ(batch(metric(R"("cpu":"cpu0")", "1700000000"), metric(R"("cpu":"cpu1")", "1700000001")), head);
  EXPECT_EQ(batch(metric(R"("cpu":"cpu0")", "1700000000"), metric(R"("cpu":"cpu0")", "1700000000")), head);
}

TEST(Decode, printable_text_is_shown_as_it_is_and_the_rest_escaped) {
  const Printed temperature = printed({.topic = "u/Küche"}, "21.5");
  EXPECT_EQ(temperature.out, "arrival                      Küche  value  21.5 °C\n");
  const Printed refused = printed({.topic = "u/Küche\x1b[0m\xff"}, "x");
  EXPECT_NE(refused.err.find("refused: bad_id at u/Küche\\x1b[0m\\xff\n"), std::string::npos) << refused.err;
}

TEST(Decode, telegram_of_a_socket_is_one_message) {
  EXPECT_EQ(
      printed({.source = "meter"}, "/M\n\n1-0:1.7.0(01.193*kW)\n!\n"),
      (Printed{exit_fine, "arrival                      M  power_import  1.193 kW\n", "source meter, format dsmr\n"}));
}

TEST(Decode, source_or_route_that_is_not_there_is_an_error) {
  EXPECT_EQ(error_of({.topic = "other"}), "no route takes the topic other");
  EXPECT_EQ(error_of({.source = "hom"}), "no source is called 'hom'");
  EXPECT_EQ(error_of({.source = "home"}), "every route is for a topic; give one with --topic");
}

TEST(Presets, are_listed_and_printed) {
  testing::internal::CaptureStdout();
  EXPECT_EQ(presets_command(""), exit_fine);
  const std::string list = testing::internal::GetCapturedStdout();
  EXPECT_NE(list.find("\ntasmota           Tasmota: "), std::string::npos) << list;
  testing::internal::CaptureStdout();
  EXPECT_EQ(presets_command("ttn"), exit_fine);
  EXPECT_NE(testing::internal::GetCapturedStdout().find("\nformat = \"json\"\n"), std::string::npos);
  EXPECT_THROW(presets_command("ttm"), std::runtime_error);
}

}  // namespace

}  // namespace edgetide
