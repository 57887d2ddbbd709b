#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <string>

#include "daemon/commands/commands.h"
#include "tests/fakes/temporary_folder.h"

namespace edgetide {

namespace {

using testing::HasSubstr;

constexpr const char* one_source = R"([gateway]
id = "g"
[sources.home]
type = "mqtt"
servers = ["mqtt://localhost"]
routes = [
  { topic = "z/{device}", format = "zigbee2mqtt" },
  { topic = "up/{device}", format = "json", dedupe = { path = "id", for = "1m" }, time = "ts" },
  { topic = "l/{device}", format = "json", time = "ts", timezone = "Europe/Paris" },
  { topic = "n/{device}/{metric}", format = "number", unit = "W" },
]
[windows.minute]
size = "1m"
aggregates = ["count", "avg"]
[[tests]]
)";

struct TestPrinted {
  int status;
  std::string out, err;
};

TestPrinted tried(const std::string& test) {
  const test::TemporaryFolder folder;
  const std::string path = folder.write("edgetide.toml", one_source + test);
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  const int status = test_command(path);
  std::string out = testing::internal::GetCapturedStdout();
  return {status, std::move(out), testing::internal::GetCapturedStderr()};
}

TEST(TestCommand, rows_that_come_as_expected_pass) {
  const char* const cases[] = {
      R"(name = "mean"
messages = [{ at = "2026-01-31T12:00:00Z", topic = "n/a/p", payload = "1 kW" },
            { at = "2026-01-31T12:00:30Z", topic = "n/a/p", payload = "2000" },
            { at = "2026-01-31T12:01:30Z", topic = "n/a/p", payload = "x" }]
rows = [{ window = "minute", sensor = "a", metric = "p", start = "2026-01-31T13:00:00+01:00", avg = 1500.0 }]
only = true
refused = 1)",
      R"(name = "repeats are skipped, as the preset says"
messages = [{ at = "2026-01-31T12:00:00Z", topic = "z/a", payload = '{"t":20,"h":40}' },
            { at = "2026-01-31T12:00:30Z", topic = "z/a", payload = '{"t":20,"h":41}' }]
rows = [{ metric = "t", count = 1 }, { metric = "h", count = 2 }]
only = true)",
      R"(name = "a local time that comes twice is the later one, as in the gateway"
messages = [{ at = "2026-10-25T01:31:00Z", topic = "l/a", payload = '{"ts":"2026-10-25T02:30:00","t":1}' }]
rows = [{ start = "2026-10-25T01:30:00Z" }])",
      R"(name = "a message with a known id counts once"
messages = [{ at = "2026-01-31T12:00:00Z", topic = "up/a", payload = '{"id":"m","ts":1769860800,"t":1}' },
            { at = "2026-01-31T12:00:59Z", topic = "up/a", payload = '{"id":"m","ts":1769860800,"t":1}' },
            { at = "2026-01-31T12:01:00Z", topic = "up/a", payload = '{"id":"n","ts":1769860801,"t":3}' }]
rows = [{ avg = 2, count = 2 }]
only = true)",
      R"(name = "a row that fits several is met by the one that is left"
messages = [{ at = "2026-01-31T12:00:00Z", topic = "n/a/p", payload = "1" },
            { at = "2026-01-31T12:01:00Z", topic = "n/a/p", payload = "2" }]
rows = [{ metric = "p" }, { avg = 1 }]
only = true)",
      R"(name = "a time that is refused counts"
messages = [{ at = "2026-01-31T12:00:00Z", topic = "l/a", payload = '{"ts":"2020-01-01T00:00:00Z","t":1}' },
            { at = "2026-01-31T12:00:00Z", topic = "l/a", payload = '{"ts":"2026-03-01T00:00:00Z","t":1}' },
            { at = "2026-01-31T12:00:00Z", topic = "l/a", payload = '{"ts":"yesterday","t":1}' }]
refused = 3)",
  };
  for (const char* const test : cases) {
    const TestPrinted printed = tried(test);
    EXPECT_EQ(printed.status, exit_fine) << printed.out << printed.err;
    EXPECT_THAT(printed.out, HasSubstr("1 of 1 test passed")) << printed.err;
  }
}

TEST(TestCommand, what_differs_is_shown_with_its_place) {
  const std::string message =
      "name = \"t\"\nmessages = [{ at = \"2026-01-31T12:00:00Z\", topic = \"n/a/p\", payload = \"1\" }]\n";
  const struct {
    std::string test;
    const char* expected;
  } cases[] = {
      {message + "rows = [{ window = \"minute\", avg = 2 }]", ":18: no row has window = minute, avg = 2\n"},
      {message + "rows = [{ avg = 2 }]", "row: {\"window\":\"minute\",\"sensor\":\"a\",\"metric\":\"p\""},
      {message + "rows = [{ avg = 1 }, { avg = 1 }]", "no row has avg = 1\n"},
      {message + "only = true", "1 other row came too\n"},
      {message + "refused = 1", "0 refused, not 1\n"},
      {message + "rows = [{ window = \"minut\", avg = 1 }]",
       ":18: no window is called 'minut'; did you mean 'minute'?\n"},
      {message + "rows = [{ avgg = 1 }]", ":18: no row has a column 'avgg'; did you mean 'avg'?\n"},
      {"name = \"t\"\nmessages = [{ at = \"2026-01-31T12:00:00Z\", topic = \"l/a\", payload = "
       "'{\"ts\":\"x\",\"t\":1}' }]\nrefused = 0",
       "edgetide.toml:17: 'time' is neither"},
      {"name = \"t\"\nmessages = [{ at = \"2026-01-31T12:00:00Z\", topic = \"m\", payload = \"1\" }]",
       ":17: no route takes the topic m\n"},
      {"name = \"t\"\nmessages = [{ at = \"2026-01-31T12:00:00Z\", topic = \"m\", payload = \"1\" }]",
       "no route takes the topic m\n"},
  };
  for (const auto& c : cases) {
    const TestPrinted printed = tried(c.test);
    EXPECT_EQ(printed.status, exit_failed);
    EXPECT_THAT(printed.err, HasSubstr(c.expected)) << c.test;
    EXPECT_THAT(printed.out, HasSubstr("FAILED  t\n0 of 1 test passed"));
  }
}

}  // namespace

}  // namespace edgetide
