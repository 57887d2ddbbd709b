// The daemon is killed, its configuration is edited, and it starts again: what it had acknowledged is computed as with
// an orderly stop before the edit, and the edited configuration takes effect behind it.
#include <algorithm>
#include <functional>
#include <gtest/gtest.h>
#include <map>
#include <memory>
#include <string>

#include "tests/fakes/memory_file_system.h"
#include "tests/simulation/script_clock.h"
#include "tests/simulation/store_fake.h"
#include "tests/simulation/stream_fake.h"

namespace edgetide::test::edit_after_kill {
namespace {

using Edit = std::function<void(GatewayOptions&)>;

// How the run before an edit ends, and how the configuration is changed.
enum class End {
  orderly,
  orderly_restart,  // a checkpoint has what waits for the clock
  kill,
  kill_twice,  // the second time before the first checkpoint with the edited configuration
  reload,      // which writes a checkpoint
};

class EditedGateway {
 public:
  // `clock_set_at`: a second; before it all that comes waits for the clock.
  explicit EditedGateway(const Edit& first, int clock_set_at = 0) : first_(first) {
    clock_.set_after = Duration::seconds(clock_set_at);
    options_ = first_options();
    start();
    store();
  }

  // Seconds `from` to `to` of two sensors of two sources, the odd ones 4 s late.
  void send(int from, int to) {
    for (int second = from; second < to; ++second) {
      for (const char* const source : {"one", "other"}) {
        const auto known = std::find_if(options_.pipeline.sources.begin(), options_.pipeline.sources.end(),
                                        [&](const SourceOptions& each) { return each.name == source; });
        if (known == options_.pipeline.sources.end()) continue;
        const SourceId id = core_->intake().source_id(source);
        if (second == from) core_->intake().connected(id, "peer");
        DecodedBatch batch;
        for (const char* const sensor : {"a", "b"}) {
          const Timestamp time = ScriptClock::start + Duration::seconds(second - 4 * (second % 2));
          batch.readings.push_back({batch.keep(std::string(source) + sensor), "t", "C", time, 1.0 + second, 0, 0});
        }
        core_->intake().try_accept(id, batch);
      }
      clock_.running = std::max(clock_.running, Duration::seconds(second));
      tick();
    }
  }
  // All windows are final then.
  void close() {
    clock_.pass(Duration::hours(3));
    tick();
    send(20'000, 20'003);
    for (int i = 0; i < 400; ++i) {
      clock_.pass(Duration::minutes(1));
      tick();
    }
  }

  // `dies_at`: at which operation on a file it dies during a reload; 0: not. False: there were fewer.
  bool change(End how, const Edit& edit, std::uint64_t dies_at) {
    GatewayOptions next = options();
    edit(next);
    if (how == End::reload) files_.die_at(dies_at);
    if (how == End::orderly || how == End::orderly_restart) static_cast<void>(core_->checkpointer().write_checkpoint());
    if (how == End::reload) static_cast<void>(core_->reload(next, plan_reload(options_, next), {}));
    options_ = next;
    const bool died = how != End::reload || files_.dead();
    if (died) kill(), start();
    if (how == End::kill_twice) kill(), start();
    files_.die_at(0);
    return died;
  }

  std::map<StoreFake::Key, StoreFake::Value> updated() const { return updated_.rows; }
  std::map<StoreFake::Key, StoreFake::Value> appended() const { return appended_.rows; }
  // Rows that came to a stream twice, and not as the same row.
  std::string conflicts() {
    const GatewayOptions before = first_options();
    const bool same_columns = before.pipeline.windows[0].aggregates == options_.pipeline.windows[0].aggregates;
    return same_columns ? update_stream_.conflicts + append_stream_.conflicts : "";
  }
  std::string counters() const {
    return core_->intake().inspect([](const Pipeline& pipeline) {
      const Counters all = pipeline.counters();
      std::string text = "received " + std::to_string(all.received);
      for (const std::uint64_t n : all.outcomes) text += ' ' + std::to_string(n);
      for (const std::uint64_t n : all.refused) text += ' ' + std::to_string(n);
      return text;
    });
  }

 private:
  GatewayOptions options() {
    GatewayOptions options;
    options.id = "simulated";
    options.state_directory = "state";
    const TimeOptions time{.max_out_of_orderness = Duration::seconds(30), .max_future = Duration::days(1)};
    options.pipeline.sources = {{"one", time}, {"other", time}};
    WindowOptions window;
    window.name = "window";
    window.size = Duration::seconds(10);
    window.inputs = {SourceId{0}, SourceId{1}};
    window.aggregates = {Aggregate::count, Aggregate::sum};
    window.trigger = Duration::seconds(1);
    options.pipeline.windows = {window, window};
    options.pipeline.windows[1].name = "grouped";
    options.pipeline.windows[1].group_by = {"metric"};
    const auto add = [&](const char* name, OutputMode mode, std::shared_ptr<const ConfiguredSink> store) {
      SinkOptions sink;
      sink.name = name;
      sink.inputs = {WindowId{0}, WindowId{1}};
      sink.mode = mode;
      sink.store = std::move(store);
      options.sinks.push_back(std::move(sink));
    };
    add("update_stream", OutputMode::update, std::make_shared<ConfiguredStream>(&update_stream_));
    add("append_stream", OutputMode::append, std::make_shared<ConfiguredStream>(&append_stream_));
    add("updated", OutputMode::update, std::make_shared<ConfiguredStore>(&updated_));
    add("appended", OutputMode::append, std::make_shared<ConfiguredStore>(&appended_));
    return options;
  }
  void start() { core_ = std::make_unique<Core>(options_, files_, clock_, Core::Hooks{.fresh_id = 77}); }
  void store() { core_->checkpointer().step(); }
  GatewayOptions first_options() {
    GatewayOptions made = options();
    first_(made);
    return made;
  }
  void kill() {
    core_.reset();
    files_.forget_handles();
    files_.die_at(0);
  }
  void tick() {
    core_->intake().tick(Fire::due);
    core_->syncer().step();
    for (const auto& worker : core_->workers()) {
      while (worker->status().outbox_rows > 0) worker->step();
    }
  }

  const Edit first_;
  ScriptClock clock_;
  MemoryFileSystem files_;
  StoreFake updated_, appended_;
  StreamFake update_stream_, append_stream_;
  GatewayOptions options_;
  std::unique_ptr<Core> core_;
};

struct Ending {
  std::map<StoreFake::Key, StoreFake::Value> updated, appended;
  std::string counters, conflicts;
  bool died = false;
};

Ending ending(End how, const Edit& before, const Edit& edit, std::uint64_t dies_at = 0) {
  EditedGateway gateway(before);
  gateway.send(0, 75);
  const bool died = gateway.change(how, edit, dies_at);
  gateway.send(75, 140);
  gateway.close();
  return {gateway.updated(), gateway.appended(), gateway.counters(), gateway.conflicts(), died};
}

// The clock is set at that second.
Ending ending_of_held(int clock_set_at, End how, const Edit& before, const Edit& edit) {
  EditedGateway gateway(before, clock_set_at);
  gateway.send(0, 75);
  gateway.change(how, edit, 0);
  gateway.send(75, 140);
  gateway.close();
  return {gateway.updated(), gateway.appended(), gateway.counters(), "", false};
}

// Count and sum, which come last: rows that leave before the edit have other columns than those that leave behind it.
std::map<StoreFake::Key, StoreFake::Value> counted(std::map<StoreFake::Key, StoreFake::Value> rows) {
  for (auto& [key, row] : rows) row.values.erase(row.values.begin(), row.values.end() - 2);
  return rows;
}

std::string describe(const std::map<StoreFake::Key, StoreFake::Value>& rows) {
  std::string text;
  for (const auto& [key, value] : rows) {
    const auto& [input, sensor, metric, start] = key;
    text += std::to_string(input) + ' ' + sensor + ' ' +
            std::to_string((start - ScriptClock::start.count()) / 1'000'000) + ' ' + std::string(name_of(value.state));
    for (const double each : value.values) text += ' ' + std::to_string(each);
    text += '\n';
  }
  return text;
}

void no_edit(GatewayOptions& /*options*/) {}

void expect_equal(const Ending& have, const Ending& wanted) {
  EXPECT_GT(wanted.appended.size(), 10U);
  EXPECT_EQ(describe(have.appended), describe(wanted.appended));
  EXPECT_EQ(describe(have.updated), describe(wanted.updated));
  EXPECT_EQ(have.counters, wanted.counters);
  EXPECT_EQ(have.conflicts, wanted.conflicts);
}

void expect_as_orderly(End how, const Edit& before, const Edit& edit) {
  expect_equal(ending(how, before, edit), ending(End::orderly, before, edit));
}

struct NamedEdit {
  const char* name;
  Edit before;
  Edit edit;
};
void PrintTo(const NamedEdit& edit, std::ostream* out) {
  *out << edit.name;
}

template <typename Change>
Edit each_source(Change change) {
  return [change](GatewayOptions& options) {
    for (SourceOptions& source : options.pipeline.sources) change(source.time);
  };
}
template <typename Change>
Edit each_window(Change change) {
  return [change](GatewayOptions& options) {
    for (WindowOptions& window : options.pipeline.windows) change(window);
  };
}

const NamedEdit edits[] = {
    {"nothing", no_edit, no_edit},
    {"trigger_shorter", [](GatewayOptions& options) { options.pipeline.windows[0].trigger = Duration::hours(1); },
     no_edit},
    {"trigger_longer", no_edit,
     [](GatewayOptions& options) { options.pipeline.windows[0].trigger = Duration::hours(1); }},
    {"out_of_orderness_less", no_edit, each_source([](TimeOptions& time) { time.max_out_of_orderness = Duration(); })},
    {"out_of_orderness_more", each_source([](TimeOptions& time) { time.max_out_of_orderness = Duration(); }), no_edit},
    {"oldest", no_edit, each_source([](TimeOptions& time) { time.oldest = Duration::seconds(2); })},
    {"max_future", each_source([](TimeOptions& time) { time.max_future = Duration(); }), no_edit},
    {"bad_time", each_source([](TimeOptions& time) {
       time.oldest = Duration::seconds(2), time.on_bad_time = BadTimePolicy::use_arrival;
     }),
     no_edit},
    {"idle_timeout", no_edit, each_source([](TimeOptions& time) { time.idle_timeout = Duration::seconds(1); })},
    {"scope", no_edit, each_source([](TimeOptions& time) { time.scope = WatermarkScope::source; })},
    {"match_more", no_edit, each_window([](WindowOptions& window) { window.match.sensor = {"onea"}; })},
    {"match_less", each_window([](WindowOptions& window) { window.match.sensor = {"onea"}; }), no_edit},
    {"inputs_less", no_edit, each_window([](WindowOptions& window) { window.inputs = {SourceId{0}}; })},
    {"inputs_more", each_window([](WindowOptions& window) { window.inputs = {SourceId{0}}; }), no_edit},
    {"source_removed", no_edit,
     [](GatewayOptions& options) {
       options.pipeline.sources.erase(options.pipeline.sources.begin());
       for (WindowOptions& window : options.pipeline.windows) window.inputs = {SourceId{0}};
     }},
    {"sources_swapped", no_edit,
     [](GatewayOptions& options) {
       std::swap(options.pipeline.sources[0], options.pipeline.sources[1]);
       for (WindowOptions& window : options.pipeline.windows) window.inputs = {SourceId{1}};
     }},
    {"max_series", no_edit, [](GatewayOptions& options) { options.pipeline.max_series = 2; }},
    {"max_epoch_rows", no_edit, [](GatewayOptions& options) { options.pipeline.max_epoch_rows = 1; }},
    {"size", no_edit, each_window([](WindowOptions& window) { window.size = Duration::seconds(20); })},
    {"aggregates", no_edit, each_window([](WindowOptions& window) {
       window.aggregates = {Aggregate::max, Aggregate::count, Aggregate::sum};
       window.trigger = Duration::hours(1);
     })},
    {"aggregates_less", each_window([](WindowOptions& window) {
       window.aggregates = {Aggregate::max, Aggregate::count, Aggregate::sum};
     }),
     no_edit},
    {"windows_swapped", no_edit,
     [](GatewayOptions& options) {
       std::swap(options.pipeline.windows[0], options.pipeline.windows[1]);
       for (SinkOptions& sink : options.sinks) sink.inputs = {WindowId{1}, WindowId{0}};
     }},
    {"window_added",
     [](GatewayOptions& options) {
       options.pipeline.windows.pop_back();
       for (SinkOptions& sink : options.sinks) sink.inputs.pop_back();
     },
     no_edit},
};

class EditAfterKill : public testing::TestWithParam<NamedEdit> {};
INSTANTIATE_TEST_SUITE_P(, EditAfterKill, testing::ValuesIn(edits),
                         [](const auto& each) { return std::string(each.param.name); });

TEST_P(EditAfterKill, gives_the_rows_of_an_orderly_stop_before_the_edit) {
  expect_as_orderly(End::kill, GetParam().before, GetParam().edit);
}

TEST_P(EditAfterKill, gives_them_also_where_it_is_killed_again_before_a_checkpoint) {
  expect_as_orderly(End::kill_twice, GetParam().before, GetParam().edit);
}

// Also those of a source that is removed.
TEST_P(EditAfterKill, readings_that_wait_for_the_clock_are_computed_by_the_options_that_took_them) {
  const Ending wanted = ending_of_held(74, End::orderly, GetParam().before, GetParam().edit);
  for (const End how : {End::orderly_restart, End::kill, End::kill_twice}) {
    SCOPED_TRACE(static_cast<int>(how));
    const Ending have = ending_of_held(100, how, GetParam().before, GetParam().edit);
    EXPECT_GT(wanted.appended.size(), 10U);
    EXPECT_EQ(describe(counted(have.appended)), describe(counted(wanted.appended)));
    EXPECT_EQ(describe(counted(have.updated)), describe(counted(wanted.updated)));
    EXPECT_EQ(have.counters, wanted.counters);
  }
}

TEST_P(EditAfterKill, dying_at_any_operation_of_a_reload_gives_the_rows_of_the_reload) {
  const Ending wanted = ending(End::reload, GetParam().before, GetParam().edit);
  bool died = true;
  for (std::uint64_t operation = 1; died && !HasFailure(); ++operation) {
    SCOPED_TRACE(operation);
    const Ending have = ending(End::reload, GetParam().before, GetParam().edit, operation);
    died = have.died;
    expect_equal(have, wanted);
  }
}

}  // namespace
}  // namespace edgetide::test::edit_after_kill
