// What the daemon writes to flash for each reading, with the configuration of the package and with that of the README:
// the core on a real disk, with a clock that is moved by hand, and rows in SQLite.
#include <cstdint>
#include <fstream>
#include <gtest/gtest.h>
#include <iostream>
#include <iterator>
#include <string>
#include <vector>

#include "config/config.h"
#include "daemon/core.h"
#include "daemon/decoders/route.h"
#include "daemon/storage/posix_file_system.h"
#include "tests/config/configuration_file.h"
#include "tests/simulation/script_clock.h"

namespace edgetide {

namespace {

constexpr int sensors = 20, seconds = 30 * 60;  // each sends one reading a second
constexpr int seconds_of_tick = 10;
constexpr double most_bytes = 60;

std::string file_text(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

// That this process has given to the kernel so far. Nothing but files is written to meanwhile.
std::uint64_t written_bytes() {
  const std::string text = file_text("/proc/self/io");
  const std::size_t at = text.find("wchar: ");
  return at == text.npos ? 0 : std::stoull(text.substr(at + 7));
}

// One that sends as programs do over a socket: a line for each reading.
void send_second(Intake& intake, Router& router, SourceId source, int second) {
  for (int i = 0; i < sensors; ++i) {
    const std::string line = "{\"sensor\":\"sensor-" + std::to_string(i) +
                             "\",\"temperature\":" + std::to_string(200 + (second * 7 + i) % 50) + "e-1}";
    DecodedBatch batch;
    router.decode("unix", line, batch);
    ASSERT_TRUE(intake.try_accept(source, batch).is_taken());
  }
}

void deliver(Core& core) {
  for (const auto& worker : core.workers()) {
    while (worker->step() == Duration() && worker->status().outbox_rows > 0) {
    }
  }
}

struct Written {
  double bytes_of_reading = 0;
  std::uint64_t rows = 0;
};

Written run(const GatewayOptions& options) {
  test::ScriptClock clock;
  PosixFileSystem files;
  Core core(options, files, clock, {.fresh_id = 77});
  Router router(options.sources.at(0).source->routes());
  const SourceId source = core.intake().source_id(options.sources.at(0).name);
  core.intake().connected(source, "here");
  std::uint64_t before = 0;
  for (int second = 0; second < seconds; ++second) {
    if (second == seconds_of_tick) before = written_bytes();  // files and tables are there
    send_second(core.intake(), router, source, second);
    clock.pass(Duration::seconds(1));
    core.syncer().step();
    if (second % seconds_of_tick != 0) continue;
    core.intake().tick(Fire::due, Duration::seconds(seconds_of_tick));
    static_cast<void>(core.intake().sync());
    deliver(core);
    core.checkpointer().step();
  }
  const double readings = double{sensors} * (seconds - seconds_of_tick);
  Written written{static_cast<double>(written_bytes() - before) / readings};
  for (const auto& worker : core.workers()) written.rows += worker->status().delivered_rows;
  return written;
}

Written written_with(const std::string& text) {
  const TemporaryFolder folder;
  const std::string where = "[gateway]\nid = \"flash\"\nstate_directory = \"" + folder.path("state") + "\"\n";
  return run(loaded(text + where).options);
}

}  // namespace

TEST(Flash, a_reading_costs_few_bytes_with_the_configuration_of_the_package) {
  if (leaves_parts_out()) GTEST_SKIP();
  std::string text = file_text(EDGETIDE_CONFIG_FOLDER "/edgetide.toml");
  const std::string include = "include = [\"conf.d/*.toml\"]";
  ASSERT_NE(text.find(include), text.npos);
  text.erase(text.find(include), include.size());
  const Written written = written_with(text);
  RecordProperty("bytes_of_reading", std::to_string(written.bytes_of_reading));
  EXPECT_LT(written.bytes_of_reading, most_bytes);
  EXPECT_GT(written.bytes_of_reading, 20) << "less than a reading takes in the journal: nothing was counted";
  EXPECT_GT(written.rows, std::uint64_t{sensors} * (seconds / 60 - 2)) << "the minutes";
  std::cout << "the package: " << written.bytes_of_reading << " bytes of a reading, " << written.rows << " rows\n";
}

TEST(Flash, a_reading_costs_few_bytes_with_defaults) {
  if (leaves_parts_out()) GTEST_SKIP();
  const Written written = written_with(
      "[sources.local]\ntype = \"unix\"\nlisten = \"/run/edgetide/x.sock\"\nformat = \"json\"\nsensor = { path = "
      "\"sensor\" }\n[windows.minute]\nsize = \"1m\"\n[sinks.local]\ntype = \"sqlite\"\n");
  EXPECT_LT(written.bytes_of_reading, most_bytes);
  EXPECT_GT(written.bytes_of_reading, 20);
  EXPECT_GT(written.rows, std::uint64_t{sensors} * (seconds / 60 - 2));
  std::cout << "defaults: " << written.bytes_of_reading << " bytes of a reading, " << written.rows << " rows\n";
}

TEST(Flash, windows_fire_each_minute_where_all_rows_go_to_sqlite) {
  if (leaves_parts_out()) GTEST_SKIP();
  const std::string windows =
      "[windows.a]\nsize = \"1m\"\n[windows.b]\nsize = \"1m\"\ntrigger = \"5s\"\n[windows.c]\nsize = "
      "\"1m\"\n[sinks.lite]\ntype = \"sqlite\"\n";
  const auto triggers = [](const std::string& text) {
    std::vector<Duration> all;
    for (const WindowOptions& window : loaded(text).options.pipeline.windows) all.push_back(window.trigger);
    return all;
  };
  const Duration minute = Duration::minutes(1), usual = WindowOptions().trigger, own = Duration::seconds(5);
  EXPECT_EQ(triggers(windows), (std::vector<Duration>{minute, own, minute}));
  EXPECT_EQ(triggers(windows + "[sinks.out]\ntype = \"stdout\"\ninputs = [\"a\"]\n"),
            (std::vector<Duration>{usual, own, minute}));
  EXPECT_EQ(triggers("[windows.a]\nsize = \"1m\"\n"), std::vector<Duration>{usual});
}

}  // namespace edgetide
