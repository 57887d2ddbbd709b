// A definition that is edited again and again, into any kind: each reading counts once, each row is final once, and
// nothing stays open.
#include <gmock/gmock.h>
#include <map>
#include <random>

#include "tests/pipeline/pipeline_fixture.h"

namespace edgetide::test {
namespace {

using Random = std::mt19937_64;

constexpr const char* kind_words[] = {"tumbling", "sliding", "session", "running"};

Duration any_of(Random& random, std::initializer_list<int> seconds) {
  return Duration::seconds(*(seconds.begin() + static_cast<std::ptrdiff_t>(random() % seconds.size())));
}

WindowOptions any_definition(Random& random, const WindowOptions& before, bool may_slide, bool may_group) {
  WindowOptions window = before;
  constexpr WindowKind kinds[] = {WindowKind::tumbling, WindowKind::session, WindowKind::running, WindowKind::sliding};
  window.kind = kinds[random() % (may_slide ? 4 : 3)];
  window.allowed_lateness = window.kind == WindowKind::running ? Duration() : any_of(random, {0, 0, 7, 20});
  window.size = any_of(random, {10, 10, 30, 4, 7});
  window.offset = any_of(random, {0, 0, 3});
  if (window.kind == WindowKind::sliding) {
    window.slide = any_of(random, {5, 4, 10});
    window.size = Duration::seconds(20);
  }
  window.gap = any_of(random, {2, 5, 9});
  window.max_length = any_of(random, {10, 15, 20, 100'000});
  window.group_by.clear();
  if (may_group && random() % 3 == 0) window.group_by = {random() % 2 == 0 ? "sensor" : "metric"};
  std::shuffle(window.aggregates.begin(), window.aggregates.end(), random);
  return window;
}

std::string described(const WindowOptions& window) {
  const auto seconds = [](Duration time) { return std::to_string(time.count() / 1'000'000); };
  return std::string(kind_words[static_cast<int>(window.kind)]) + " size " + seconds(window.size) + " offset " +
         seconds(window.offset) + " slide " + seconds(window.slide) + " gap " + seconds(window.gap) + " max " +
         seconds(window.max_length) + " late " + seconds(window.allowed_lateness) +
         (window.group_by.empty() ? "" : " by " + window.group_by[0]);
}

// What a table would have.
class Table {
 public:
  struct Stored {
    double readings = 0;
    RowState state = RowState::open;
    bool has_end = true;
  };

  // What is wrong with a row, if anything is.
  std::string take(const Pipeline& pipeline, const Emission& emission) {
    std::string wrong;
    for (const Row& row : emission.rows) {
      const auto series = pipeline.key_of(row);
      const Key key{series->grouped ? "group " + series->sensor : series->sensor, row.start};
      const auto stored = rows_.find(key);
      if (stored != rows_.end() && stored->second.state == RowState::final) wrong += " twice final: " + text(key);
      if (row.state == RowState::retracted) {
        rows_.erase(key);
        continue;
      }
      if (stored != rows_.end() && stored->second.readings > row.readings) wrong += " fewer readings: " + text(key);
      rows_[key] = {row.readings, row.state, row.end != Timestamp::latest()};
    }
    return wrong;
  }
  double readings() const {
    double all = 0;
    for (const auto& [key, row] : rows_) all += row.readings;
    return all;
  }
  std::string left_open() const {
    std::string left;
    for (const auto& [key, row] : rows_) {
      if (row.has_end && row.state != RowState::final) left += " open: " + text(key);
    }
    return left;
  }

 private:
  using Key = std::pair<std::string, Timestamp>;
  static std::string text(const Key& key) { return key.first + ' ' + std::to_string(key.second.count() / 1'000'000); }
  std::map<Key, Stored> rows_;
};

struct Chain {
  std::uint64_t seed;
  bool may_slide;
  bool may_group;
  bool any_sliding = false;
  std::string story = "seed " + std::to_string(seed);
  std::string wrong = {};
  double accepted = 0;
  Table table = {};
};

void run(Chain& chain) {
  Random random(chain.seed);
  PipelineOptions options = one_window();
  options.sources[0].time.max_out_of_orderness = any_of(random, {0, 5});
  WindowOptions& window = options.windows[0];
  window.aggregates = {Aggregate::count, Aggregate::sum, Aggregate::min, Aggregate::max};
  const auto change = [&] {
    window = any_definition(random, window, chain.may_slide, chain.may_group);
    chain.any_sliding = chain.any_sliding || window.kind == WindowKind::sliding;
    chain.story += "\n  " + described(window);
  };
  change();
  Pipeline pipeline(options);
  const auto restart = [&] {
    Pipeline next(options);
    ASSERT_EQ(next.restore(pipeline.snapshot(), Connections::go_on), std::nullopt);
    next.take_over_changed();
    pipeline = std::move(next);
  };
  constexpr int inputs = 240;
  const int edits = 2 + static_cast<int>(random() % 3);
  const int disorder = static_cast<int>(random() % 3) * 12;
  const bool whole_seconds = random() % 2 == 0;
  int edited = 0;
  for (int i = 0; i < inputs; ++i) {
    const double shift =
        disorder == 0 ? 0 : static_cast<double>(random() % static_cast<unsigned>(disorder)) - disorder / 2;
    const double time = std::max(i * 0.75 + shift, 0.0);
    const bool pause = i % 40 > 33 && random() % 4 != 0;
    const std::string sensor(1, static_cast<char>('a' + random() % 3));
    if (!pause) read_at(pipeline, i + 0.25, sensor, whole_seconds ? std::floor(time) : time + i * 1e-6);
    if (random() % 4 == 0) chain.wrong += chain.table.take(pipeline, tick(pipeline, i + 0.5));
    if (edited < edits &&
        random() % static_cast<unsigned>((inputs - 40 - i > 0 ? inputs - 40 - i : 1) / (edits - edited) + 1) == 0) {
      ++edited;
      chain.story += " at " + std::to_string(i);
      change();
      restart();
    }
    if (random() % 12 == 0) restart();
  }
  const Counters counters = pipeline.counters();
  chain.accepted =
      static_cast<double>(counters.of(ReadingOutcome::on_time) + counters.of(ReadingOutcome::late_accepted));
  pipeline.raise_watermarks(at(1e6));
  for (int i = 0; i < 4; ++i) chain.wrong += chain.table.take(pipeline, tick(pipeline, inputs + i, Fire::all));
  chain.wrong += chain.table.left_open();
  const WindowDefinition& present = pipeline.window(WindowId{0});
  if (present.former() != nullptr) chain.wrong += " a former definition stays";
  if (window.kind != WindowKind::running && pipeline.open_windows() > 0) chain.wrong += " windows stay open";
}

TEST(HandoverChain, each_reading_is_in_one_row_whatever_kinds_follow_one_another) {
  for (std::uint64_t seed = 0; seed < 400; ++seed) {
    Chain chain{seed, false, seed % 3 == 0};
    run(chain);
    ASSERT_EQ(chain.wrong, "") << chain.story;
    ASSERT_EQ(chain.table.readings(), chain.accepted) << chain.story;
  }
}

// Windows that overlap share readings.
TEST(HandoverChain, no_reading_is_lost_where_windows_slide) {
  for (std::uint64_t seed = 0; seed < 400; ++seed) {
    Chain chain{seed, true, seed % 3 == 0};
    run(chain);
    ASSERT_EQ(chain.wrong, "") << chain.story;
    ASSERT_GE(chain.table.readings(), chain.accepted) << chain.story;
    if (!chain.any_sliding) {
      ASSERT_EQ(chain.table.readings(), chain.accepted) << chain.story;
    }
  }
}

}  // namespace
}  // namespace edgetide::test
