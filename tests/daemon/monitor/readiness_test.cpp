#include "daemon/monitor/readiness.h"

#include <functional>
#include <gtest/gtest.h>

#include "tests/daemon/monitor/monitor_fixture.h"

namespace edgetide {

TEST(Readiness, says_what_keeps_the_gateway_from_its_work) {
  struct Case {
    std::string reason;
    std::function<void(GatewayStatus&)> change;
  };
  const std::vector<Case> cases = {
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
  };
  for (const Case& c : cases) {
    GatewayStatus status = healthy_status();
    c.change(status);
    EXPECT_EQ(why_not_ready(status), c.reason);
  }
}

TEST(Readiness, a_gateway_without_triggers_is_not_alive) {
  GatewayStatus status = healthy_status();
  status.since_tick = Duration::seconds(30);
  EXPECT_EQ(why_not_alive(status), "");
  status.since_tick = Duration::seconds(31);
  EXPECT_EQ(why_not_alive(status), "no trigger has run for 31 s");
}

}  // namespace edgetide
