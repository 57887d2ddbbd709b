#include "daemon/monitor/window_explanation.h"

#include <functional>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace edgetide {

using testing::HasSubstr;

namespace {

constexpr Timestamp at(std::int64_t second) {
  return Timestamp::microseconds(second * 1'000'000);
}

// Its newest reading is of 0:50; the window [0:00, 1:00) is open.
ExplainedKey kitchen() {
  ExplainedKey key;
  key.sensor = "kitchen";
  key.metric = "t";
  key.source = "plant";
  key.scope = "sensor";
  key.newest = at(50);
  key.max_out_of_orderness = Duration::seconds(10);
  key.watermark = at(40);
  key.idle_timeout = Duration::minutes(1);
  key.silence = Duration::seconds(5);
  return key;
}

}  // namespace

TEST(WindowExplanation, says_what_a_window_waits_for) {
  const ExplainedWindow minute{at(0), at(60), RowState::open};
  struct Case {
    std::string sentence;
    ExplainedWindow window;
    std::function<void(ExplainedKey&)> change;
  };
  const std::vector<Case> cases = {
      {"closes at watermark 1970-01-01T00:01:00.000000Z: needs a reading of 1970-01-01T00:01:10.000000Z or later, or "
       "55s more of silence",
       minute, [](ExplainedKey&) {}},
      {"or 15s more of silence", minute, [](ExplainedKey& key) { key.silence = Duration::seconds(45); }},
      {"or 5s more of silence", minute,
       [](ExplainedKey& key) {
         key.silence = Duration::seconds(15);
         key.idle_timeout = Duration::seconds(10);
       }},
      {"or later", minute, [](ExplainedKey& key) { key.idle_timeout = Duration::unlimited(); }},
      {"; silence does not count while source plant is not connected", minute,
       [](ExplainedKey& key) { key.connected = false; }},
      {"closes at watermark 1970-01-01T00:01:00.000000Z, which hall/t holds back", minute,
       [](ExplainedKey& key) { key.held_by = "hall/t"; }},
      {", which source yard holds back: it has not reported yet", minute,
       [](ExplainedKey& key) { key.awaits = "yard"; }},
      {"is closed, final at watermark 1970-01-01T00:01:30.000000Z: needs a reading of 1970-01-01T00:01:40.000000Z",
       {at(0), at(60), RowState::closed},
       [](ExplainedKey&) {}},
      {"is final, its row is emitted at the next trigger", {at(0), at(60), RowState::final}, [](ExplainedKey&) {}},
      {"it runs for all time and never closes", {at(0), Timestamp::latest(), RowState::open}, [](ExplainedKey&) {}},
  };
  for (const Case& c : cases) {
    ExplainedKey key = kitchen();
    c.change(key);
    EXPECT_THAT(waits_for(key, c.window, Duration::seconds(30)), HasSubstr(c.sentence));
  }
}

TEST(WindowExplanation, text_and_json_name_the_sensor_and_its_windows) {
  WindowExplanation explanation;
  explanation.window = "minute";
  explanation.keys = {kitchen()};
  EXPECT_THAT(explanation_text(explanation), HasSubstr("kitchen/t\n"));
  EXPECT_THAT(explanation_text(explanation), HasSubstr("no window of minute is open"));
  explanation.keys[0].windows.push_back({at(0), at(60), RowState::open});
  EXPECT_THAT(explanation_text(explanation), HasSubstr("1970-01-01T00:00:00.000000Z  closes at"));
  EXPECT_THAT(explanation_json(explanation), HasSubstr("\"state\":\"open\",\"waits_for\":\"closes at"));
}

TEST(WindowExplanation, watermark_that_waits_for_a_source_is_none_yet) {
  WindowExplanation explanation;
  explanation.keys = {kitchen()};
  explanation.keys[0].watermark.reset();
  explanation.keys[0].awaits = "hall";
  EXPECT_THAT(explanation_text(explanation), HasSubstr("watermark    none yet  (scope sensor)\n"));
  EXPECT_THAT(explanation_json(explanation), HasSubstr("\"watermark\":null"));
}

}  // namespace edgetide
