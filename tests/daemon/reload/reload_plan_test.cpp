// What a changed configuration changes, by name.
#include "daemon/reload/reload_plan.h"

#include <functional>
#include <gtest/gtest.h>
#include <memory>
#include <utility>

#include "tests/pipeline/pipeline_fixture.h"

namespace edgetide::test {
namespace {

// Its one option is text, and it is never made.
class Source final : public ConfiguredSourceOf<std::string> {
 public:
  using ConfiguredSourceOf::ConfiguredSourceOf;
  std::unique_ptr<edgetide::Source> make(const Surroundings& /*surroundings*/) const override { return nullptr; }
  SourceTraits traits() const override { return {}; }
};

SourceInput source(const char* name, const char* type, const char* option) {
  return {name, type, std::make_shared<Source>(option)};
}

class Store final : public ConfiguredSinkOf<std::string> {
 public:
  using ConfiguredSinkOf::ConfiguredSinkOf;
  std::unique_ptr<Sink> make(SinkIdentity /*identity*/, std::vector<WindowSchema> /*inputs*/) const override {
    return nullptr;
  }
  SinkTraits traits() const override { return {}; }
};

WindowOptions window(const char* name) {
  WindowOptions options = one_window().windows[0];
  options.name = name;
  return options;
}

SinkOptions sink(const char* name) {
  SinkOptions options;
  options.name = name;
  options.inputs = {WindowId{0}, WindowId{1}};
  options.store = std::make_shared<Store>("a");
  return options;
}

SensorTableInput table_of(const char* sensor, const char* site) {
  auto table = std::make_shared<SensorTable>();
  table->add(sensor, {{{"site", site}}, {}});
  return {"sensors", table};
}

GatewayOptions before() {
  GatewayOptions options;
  options.enrichment.tables = {table_of("a", "lyon")};
  options.pipeline.sources = {{"plant", {}}, {"line", {}}};
  options.pipeline.windows = {window("minute"), window("hour")};
  options.pipeline.windows[0].derived = {product("power", "t", "u")};
  options.sources = {source("plant", "mqtt", "a"), source("line", "tcp", "a")};
  options.sinks = {sink("db")};
  return options;
}

TEST(ReloadPlan, each_change_is_reported_by_name_and_nothing_else_is) {
  struct Case {
    const char* plan;
    std::function<void(GatewayOptions&)> change;
  };
  const char* const nothing = "no source, window or sink has changed";
  const char* const settings = "other settings; no source, window or sink is made again";
  const Case cases[] = {
      {nothing, [](GatewayOptions&) {}},
      {nothing, [](GatewayOptions& next) { next.sources[0] = source("plant", "mqtt", "a"); }},
      {"sources: changed plant", [](GatewayOptions& next) { next.sources[0] = source("plant", "mqtt", "b"); }},
      {"sources: changed line", [](GatewayOptions& next) { next.sources[1] = source("line", "tcp", "b"); }},
      {"sources: changed line", [](GatewayOptions& next) { next.sources[1] = source("line", "udp", "a"); }},
      {nothing, [](GatewayOptions& next) { std::swap(next.sources[0], next.sources[1]); }},
      {settings, [](GatewayOptions& next) { next.pipeline.sources[0].time.idle_timeout = Duration::seconds(1); }},
      {"sources: new more, gone line", [](GatewayOptions& next) { next.sources[1] = source("more", "tcp", "a"); }},
      {"windows: changed hour", [](GatewayOptions& next) { next.pipeline.windows[1].size = Duration::hours(2); }},
      {"windows: changed hour; sinks: changed db",
       [](GatewayOptions& next) { next.pipeline.windows[1].aggregates.push_back(Aggregate::stddev); }},
      {"windows: changed minute",
       [](GatewayOptions& next) { next.pipeline.windows[0].derived[0].formula = std::make_shared<Sum>(); }},
      {settings, [](GatewayOptions& next) { next.pipeline.windows[1].trigger = Duration::hours(2); }},
      {settings, [](GatewayOptions& next) { next.pipeline.windows[1].match.metric = {"a*"}; }},
      {"windows: new day", [](GatewayOptions& next) { next.pipeline.windows.push_back(window("day")); }},
      {"windows: new day",
       [](GatewayOptions& next) {
         next.pipeline.windows.insert(next.pipeline.windows.begin(), window("day"));
         next.sinks[0].inputs = {WindowId{1}, WindowId{2}};
       }},
      {"sinks: changed db", [](GatewayOptions& next) { next.sinks[0].inputs.pop_back(); }},
      {"sinks: changed db", [](GatewayOptions& next) { next.sinks[0].store = std::make_shared<Store>("b"); }},
      {"sinks: changed db", [](GatewayOptions& next) { next.sinks[0].outbox.max_bytes /= 2; }},
      {settings, [](GatewayOptions& next) { next.sinks[0].mode = OutputMode::append; }},
      {"sinks: new other, gone db", [](GatewayOptions& next) { next.sinks[0].name = "other"; }},
      {"new labels: table sensors (1 sensor)",
       [](GatewayOptions& next) { next.enrichment.tables = {table_of("a", "paris")}; }},
      {"windows: new day; new labels: table sensors (2 sensors)",
       [](GatewayOptions& next) {
         next.pipeline.windows.push_back(window("day"));
         next.enrichment.tables = {table_of("b", "lyon")};
       }},
  };
  for (const Case& one : cases) {
    GatewayOptions next = before();
    one.change(next);
    const ReloadPlan plan = plan_reload(before(), next);
    EXPECT_EQ(to_text(plan), one.plan) << "case " << &one - cases;
    EXPECT_TRUE(plan.needs_restart.empty()) << "case " << &one - cases;
  }
}

TEST(ReloadPlan, what_needs_a_restart_is_reported_and_put_back) {
  GatewayOptions next = before();
  next.id = "other";
  next.state_directory = "/other";
  next.log.target = LogTarget::journal;
  next.clock.wait_after_boot = Duration();
  next.journal.durability = Durability::power;
  next.checkpoint.keep = 9;
  next.quarantine.max_bytes = 1;
  EXPECT_EQ(plan_reload(before(), next).needs_restart,
            (std::vector<std::string>{"gateway.id", "gateway.state_directory", "log.target", "[clock]", "[journal]",
                                      "[checkpoint]", "[quarantine]"}));
  next.log.level = LogLevel::debug;
  keep_until_restart(before(), next);
  EXPECT_TRUE(plan_reload(before(), next).needs_restart.empty());
  EXPECT_EQ(next.log.level, LogLevel::debug);
}

}  // namespace
}  // namespace edgetide::test
