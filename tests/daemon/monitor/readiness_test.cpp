#include "daemon/monitor/readiness.h"

#include <functional>
#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "daemon/monitor/row_losses.h"
#include "tests/daemon/monitor/monitor_fixture.h"

namespace edgetide {

namespace {

struct Case {
  std::string reason;
  std::function<void(GatewayStatus&)> change;
};

void expect_reasons(const std::vector<Case>& cases) {
  for (const Case& c : cases) {
    GatewayStatus status = healthy_status();
    c.change(status);
    EXPECT_EQ(why_not_ready(status), c.reason);
  }
}

}  // namespace

TEST(Readiness, says_what_keeps_the_gateway_from_its_work) {
  expect_reasons({
      {"", [](GatewayStatus&) {}},
      {"no source is configured", [](GatewayStatus& status) { status.sources.clear(); }},
      {"source plant is not connected", [](GatewayStatus& status) { status.sources[0].connected = false; }},
      {"source plant is not connected: unknown host h",
       [](GatewayStatus& status) {
         status.sources[0].connected = false;
         status.sources[0].connection_error = "unknown host h";
       }},
      {"source plant: another client uses the client id c",
       [](GatewayStatus& status) { status.sources[0].impairment = "another client uses the client id c"; }},
      {"the journal cannot be written: disk full",
       [](GatewayStatus& status) { status.storage.journal_error = "disk full"; }},
      {"sink store: its outbox is full, intake waits", [](GatewayStatus& status) { status.sinks[0].full = true; }},
      {"sink store: its outbox is full", [](GatewayStatus& status) { status.sinks[0].disk_bytes = 700; }},
      {"", [](GatewayStatus& status) { status.sinks[0].disk_bytes = 699; }},
      {"", [](GatewayStatus& status) { status.sinks[0].connected = false; }},
      {"sink store is away: connection refused",
       [](GatewayStatus& status) {
         status.sinks[0].connected = false;
         status.sinks[0].error = "connection refused";
       }},
      {"sink store: rows have waited for 61 s, longer than max_lag",
       [](GatewayStatus& status) {
         status.sinks[0].max_lag = Duration::minutes(1);
         status.sinks[0].oldest = status.now - Duration::seconds(61);
       }},
      {"",
       [](GatewayStatus& status) {
         status.sinks[0].max_lag = Duration::minutes(1);
         status.sinks[0].oldest = status.now - Duration::seconds(60);
       }},
      {"intake is held back: the journal is full",
       [](GatewayStatus& status) { status.storage.intake_held = "the journal is full"; }},
      {"sink store: no table",
       [](GatewayStatus& status) {
         status.sinks[0].needs_person = true;
         status.sinks[0].error = "no table";
       }},
      {"metrics: cannot listen on 127.0.0.1:2",
       [](GatewayStatus& status) { status.listener_error = "metrics: cannot listen on 127.0.0.1:2"; }},
      {"", [](GatewayStatus& status) { status.control_error = "a file is in the way"; }},
      {"no checkpoint can be written: no",
       [](GatewayStatus& status) { status.storage.checkpoint_error = "no checkpoint can be written: no"; }},
      {"no checkpoint for 91 s",
       [](GatewayStatus& status) { status.storage.checkpoint_at = status.now - Duration::seconds(91); }},
      {"no checkpoint for 7200 s", [](GatewayStatus& status) { status.storage.checkpoint_at.reset(); }},
  });
}

TEST(Readiness, a_wait_for_the_clock_lost_rows_and_a_failed_reload_are_reasons) {
  expect_reasons({
      {"the clock is not set: 1 reading waits for it, 270 s at most",
       [](GatewayStatus& status) {
         status.clock_set_within = Duration::seconds(270);
         status.held_readings = 1;
       }},
      {"the clock is not set: 0 readings wait for it, 5 s at most",
       [](GatewayStatus& status) { status.clock_set_within = Duration::seconds(5); }},
      {"sink store: rows were lost 300 s ago: 4 dropped and 1 rejected since the start",
       [](GatewayStatus& status) {
         status.sinks[0].dropped_rows = 4;
         status.sinks[0].rejected_rows = 1;
         status.sinks[0].rows_lost_ago = Duration::minutes(5);
       }},
      {"", [](GatewayStatus& status) { status.sinks[0].rows_lost_ago = Duration::seconds(301); }},
      {"the last reload failed: x.toml:1:2: error: no",
       [](GatewayStatus& status) {
         status.reload = {false, status.now, "x.toml:1:2: error: no"};
       }},
  });
}

TEST(Readiness, names_every_reason_and_why_nothing_is_taken_first) {
  GatewayStatus status = healthy_status();
  status.sources[0].connected = false;
  status.sources[0].connection_error = "connection refused";
  status.sinks[0].needs_person = true;
  status.sinks[0].error = "no table";
  status.storage.intake_held = "no more readings can wait for the clock to be set";
  status.clock_set_within = Duration::seconds(9);
  status.held_readings = 200'000;
  status.listener_error = "metrics: cannot listen";
  EXPECT_EQ(why_not_ready(status),
            "the clock is not set: 200000 readings wait for it, 9 s at most; "
            "intake is held back: no more readings can wait for the clock to be set; "
            "source plant is not connected: connection refused; sink store: no table; metrics: cannot listen");
}

TEST(Readiness, rows_are_lost_when_the_count_of_a_sink_has_grown) {
  RowLosses losses;
  losses.note("a", 0, Duration::seconds(1));
  EXPECT_EQ(losses.ago("a", Duration::seconds(2)), std::nullopt);
  losses.note("a", 3, Duration::seconds(2));
  losses.note("a", 3, Duration::seconds(5));
  EXPECT_EQ(losses.ago("a", Duration::seconds(5)), Duration::seconds(3));
  losses.note("a", 1, Duration::seconds(6));  // a new sink of this name
  EXPECT_EQ(losses.ago("a", Duration::seconds(6)), Duration::seconds(4));
  losses.note("a", 2, Duration::seconds(7));
  EXPECT_EQ(losses.ago("a", Duration::seconds(8)), Duration::seconds(1));
  EXPECT_EQ(losses.ago("b", Duration::seconds(8)), std::nullopt);
}

TEST(Readiness, a_gateway_without_triggers_is_not_alive) {
  GatewayStatus status = healthy_status();
  status.since_tick = Duration::seconds(30);
  EXPECT_EQ(why_not_alive(status), "");
  status.since_tick = Duration::seconds(31);
  EXPECT_EQ(why_not_alive(status), "no trigger has run for 31 s");
}

}  // namespace edgetide
