#include "tests/pipeline/model/stream.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <functional>
#include <limits>
#include <numeric>
#include <random>
#include <sstream>

namespace edgetide::test {

namespace {

class Random {
 public:
  explicit Random(std::uint64_t seed) : engine_(seed) {}
  std::int64_t upto(std::int64_t most) {
    return static_cast<std::int64_t>(engine_() % static_cast<std::uint64_t>(most + 1));
  }
  std::int64_t between(std::int64_t least, std::int64_t most) { return least + upto(most - least); }
  bool one_in(std::int64_t n) { return upto(n - 1) == 0; }
  template <typename List>
  auto one_of(const List& list) {
    return *(std::begin(list) + upto(static_cast<std::int64_t>(std::size(list)) - 1));
  }

 private:
  std::mt19937_64 engine_;
};

Duration seconds(std::int64_t n) {
  return Duration::seconds(n);
}

struct Product final : Formula {
  double evaluate(std::span<const double> inputs) const noexcept override {
    return std::accumulate(inputs.begin(), inputs.end(), 1.0, std::multiplies<>());
  }
  std::string_view text() const noexcept override { return "a * b"; }
};

const Aggregate every_aggregate[] = {Aggregate::sum,
                                     Aggregate::min,
                                     Aggregate::max,
                                     Aggregate::avg,
                                     Aggregate::first,
                                     Aggregate::last,
                                     Aggregate::stddev,
                                     Aggregate::variance,
                                     Aggregate::m2,
                                     Aggregate::range,
                                     Aggregate::delta,
                                     Aggregate::rate,
                                     Aggregate::increase,
                                     Aggregate::time_weighted_avg,
                                     Aggregate::distinct,
                                     Aggregate::max_gap,
                                     Aggregate::mean,
                                     Aggregate::median,
                                     Aggregate::mode,
                                     Aggregate::mad,
                                     Aggregate::changes,
                                     Aggregate::duration(0),
                                     Aggregate::duration(3),
                                     Aggregate::percentile(50),
                                     Aggregate::percentile(99.9),
                                     Aggregate::percentile(0)};

TimeOptions random_time(Random& random) {
  TimeOptions time;
  time.max_out_of_orderness = seconds(random.one_of(std::array<std::int64_t, 4>{0, 1, 5, 20}));
  time.idle_timeout = random.one_in(3) ? Duration::unlimited() : seconds(random.between(1, 30));
  if (random.one_in(2)) {
    time.scope = random.one_of(
        std::array{WatermarkScope::source, WatermarkScope::global, WatermarkScope::global, WatermarkScope::stream});
  }
  time.max_future = random.one_in(2) ? Duration::unlimited() : seconds(random.between(5, 60));
  time.oldest = random.one_in(2) ? Duration::unlimited() : seconds(random.between(20, 200));
  time.on_bad_time = random.one_in(2) ? BadTimePolicy::use_arrival : BadTimePolicy::drop;
  return time;
}

// A zone for days of ten seconds or more.
std::shared_ptr<const TimeZone> jumping_zone() {
  const auto at = [](std::int64_t s) { return Timestamp() + seconds(s); };
  return std::make_shared<const TimeZone>(
      "Jump/Ing",
      std::vector<TimeZone::Offset>{{Timestamp::earliest(), seconds(3)}, {at(20), seconds(7)}, {at(61), seconds(2)}});
}

void choose_kind(Random& random, WindowOptions& window) {
  window.kind = random.one_of(std::array{WindowKind::tumbling, WindowKind::sliding, WindowKind::sliding,
                                         WindowKind::session, WindowKind::running});
  window.size = seconds(random.between(1, 20));
  window.slide = seconds(random.between(1, window.size.count() / 1'000'000));
  window.gap = seconds(random.between(1, 8));
  window.max_length = random.one_in(2) ? window.gap + seconds(random.upto(20)) : Duration::days(1);
  if (random.one_in(8)) {  // sizes below a second
    window.size = Duration::milliseconds(100 * random.between(1, 30));
    window.slide = Duration::milliseconds(100 * random.between(1, window.size.count() / 100'000));
    window.gap = Duration::milliseconds(random.between(1, 999));
  }
  const bool aligned = window.kind == WindowKind::tumbling || window.kind == WindowKind::sliding;
  if (aligned && random.one_in(3)) window.offset = Duration::milliseconds(random.between(-3000, 3000));
  if (!aligned || !random.one_in(5)) return;
  window.time_zone = jumping_zone();  // a cell has to be longer than a jump, as a day is
  window.size = seconds(window.kind == WindowKind::sliding ? 20 : random.between(10, 20));
  window.slide = seconds(10);
}

void choose_query(Random& random, WindowOptions& window) {
  if (random.one_in(4)) window.match.sensor = {random.one_of(std::array{"a", "[ab]", "?", "b*"})};
  if (random.one_in(5)) window.match.metric = {"v", "c"};
  if (random.one_in(6)) window.match.labels = {{"site", {"x"}}};
  if (random.one_in(6)) window.match.source = {"s0"};
  if (random.one_in(5)) window.match.min = 3;
  if (random.one_in(6)) window.match.max = 6;
  if (random.one_in(4)) {
    window.group_by = random.one_of(std::array<std::vector<std::string>, 4>{
        std::vector<std::string>{"site"}, {"site", "metric"}, {"sensor", "metric"}, {"line", "site"}});
    window.cube = window.group_by.front() != "sensor" && random.one_in(2);
  } else {
    window.one_group = random.one_in(8);
  }
}

void choose_output(Random& random, WindowOptions& window) {
  const bool by_series = window.group_by.empty() && !window.one_group;
  window.complete = random.one_in(5);
  if (window.kind != WindowKind::running) window.deduplicate = random.one_in(4);
  const bool aligned = window.kind == WindowKind::tumbling || window.kind == WindowKind::sliding;
  const bool short_steps = window.size < seconds(1) || window.slide < seconds(1);  // too many empty ones
  if (aligned && by_series && !short_steps) window.emit_empty = random.one_in(4);
  if (!window.emit_empty && random.one_in(6)) {
    window.aggregates.push_back(random.one_of(std::array{Aggregate::min, Aggregate::max, Aggregate::last}));
    window.top = TopOptions{static_cast<std::size_t>(random.between(1, 3)), window.aggregates.back()};
  }
  if (!by_series || window.kind == WindowKind::session || window.top || window.emit_empty || !random.one_in(4)) return;
  window.aggregates.push_back(Aggregate::avg);
  window.derived = {{"power", {{"v", Aggregate::avg}, {"c", Aggregate::avg}}, std::make_shared<Product>()}};
}

WindowOptions random_window(Random& random, std::uint32_t number, std::uint32_t sources) {
  WindowOptions window;
  window.name = "w" + std::to_string(number);
  choose_kind(random, window);
  choose_query(random, window);
  for (std::uint32_t i = 0; i < sources; ++i) {
    if (i == 0 || !random.one_in(4)) window.inputs.push_back(SourceId{i});
  }
  window.aggregates = {Aggregate::count};
  for (std::int64_t i = random.upto(4); i > 0; --i) window.aggregates.push_back(random.one_of(every_aggregate));
  window.allowed_lateness = random.one_in(2) ? Duration() : seconds(random.between(1, 30));
  window.trigger = seconds(random.one_of(std::array<std::int64_t, 3>{1, 5, 10}));
  choose_output(random, window);
  if (random.one_in(3)) window.hold = seconds(random.between(1, 30));
  if (random.one_in(3)) window.reset_below = static_cast<double>(random.upto(10)) / 10;
  if (window.emit_empty && window.kind == WindowKind::tumbling && random.one_in(2)) window.fill = Fill::last;
  return window;
}

// Series are evicted for others, and refused.
void make_crowded(Random& random, PipelineOptions& options) {
  options.max_series = static_cast<std::size_t>(random.between(1, 5));
  if (random.one_in(3)) options.new_series_per_minute = static_cast<std::size_t>(random.between(1, 6));
  for (WindowOptions& window : options.windows) {
    window.derived.clear();
    window.emit_empty = false;
  }
}

class Script {
 public:
  Script(Random& random, std::uint32_t sources, bool shared, bool labels_change)
      : random_(random), sources_(sources), shared_(shared) {
    has_clock_ = !random.one_in(4);
    disorder_ = random.one_of(std::array<std::int64_t, 4>{0, 3, 15, 60});
    metrics_ = random.one_in(2) ? 2 : 1;
    labels_change_ = labels_change;
    wall_ = seconds(random.between(-100, 30)).count();
  }

  std::vector<Input> inputs() {
    if (has_clock_) {
      for (std::uint32_t i = 0; i < sources_; ++i) {
        if (i == 0 || !random_.one_in(3)) add(Input::Kind::connect, i);  // others come later, or never
      }
    }
    for (std::int64_t i = random_.between(15, 150); i > 0; --i) step();
    if (random_.one_in(2)) raise(Timestamp::latest());
    add(Input::Kind::tick_all, 0);
    return std::move(inputs_);
  }

 private:
  Moment now() const { return {Timestamp::microseconds(wall_), Duration::microseconds(running_)}; }

  Input& add(Input::Kind kind, std::uint32_t source) {
    Input& input = inputs_.emplace_back();
    input.kind = kind;
    input.source = source;
    input.moment = now();
    return input;
  }

  void raise(Timestamp to) { add(Input::Kind::raise, 0).time = to; }

  void pass_time() {
    const std::int64_t passed = seconds(random_.one_in(8) ? random_.upto(60) : random_.upto(3)).count();
    wall_ += random_.one_in(30) ? -passed : passed;
    running_ += passed;
  }

  void step() {
    pass_time();
    const auto source = static_cast<std::uint32_t>(random_.upto(sources_ - 1));
    if (random_.one_in(6)) {
      add(random_.one_in(10) ? Input::Kind::tick_all : Input::Kind::tick, 0);
    } else if (random_.one_in(40)) {
      restart();
    } else if (has_clock_ && random_.one_in(25)) {
      add(random_.one_in(2) ? Input::Kind::connect : Input::Kind::disconnect, source);
    } else if (random_.one_in(60)) {
      raise(Timestamp::microseconds(wall_) - seconds(random_.upto(40)));
    } else {
      reading(source);
    }
  }

  void restart() {
    add(Input::Kind::restart, 0);
    for (std::uint32_t i = 0; has_clock_ && i < sources_; ++i) add(Input::Kind::connect, i);
  }

  void reading(std::uint32_t source) {
    Input& input = add(Input::Kind::reading, source);
    if (!has_clock_) input.moment.reset();
    input.sensor = random_.one_of(std::array{"a", "a", "b", "c", "d", "e"});
    if (!shared_ && sources_ > 1) input.source = input.sensor < "c" ? 0 : 1;
    input.metric = metrics_ == 1 || random_.one_in(2) ? "v" : "c";
    input.time = Timestamp::microseconds(wall_) - seconds(random_.upto(disorder_));
    if (random_.one_in(20)) input.time = input.time + seconds(random_.between(-100, 30));
    if (random_.one_in(3)) input.time = input.time + Duration::milliseconds(random_.upto(999));
    input.value = static_cast<double>(random_.between(-3, 9));
    if (random_.one_in(10)) input.value *= 1e9 + 0.25;
    if (random_.one_in(100)) input.value = std::numeric_limits<double>::quiet_NaN();
    if (labels_change_ && random_.one_in(3)) input.labels = static_cast<std::uint32_t>(random_.between(1, 2));
  }

  Random& random_;
  std::uint32_t sources_;
  bool shared_;
  bool has_clock_;
  bool labels_change_;
  std::int64_t disorder_, metrics_;
  std::int64_t wall_ = 0;
  std::int64_t running_ = 0;
  std::vector<Input> inputs_;
};

std::string text_of(Duration d) {
  return d == Duration::unlimited() ? "none" : std::to_string(static_cast<double>(d.count()) / 1e6);
}

const char* const kind_names[] = {"reading", "tick", "tick_all", "connect", "disconnect", "raise", "restart"};

}  // namespace

Series series_of(const std::string& sensor, const std::string& metric, std::uint32_t labels) {
  Series series{sensor, metric, "", {}};
  if (sensor == "a" || sensor == "b") series.labels = {{"line", "1"}, {"site", "x"}};
  if (sensor == "c" || sensor == "d") series.labels = {{"site", "y"}};
  if (labels == 1) series.labels = {{"site", "z"}};
  if (labels == 2) series.labels = {{"line", "1"}, {"site", sensor == "a" ? "y" : "x"}};
  return series;
}

Case random_case(std::uint64_t seed) {
  Random random(seed);
  Case made;
  made.seed = seed;
  const auto sources = static_cast<std::uint32_t>(random.between(1, 2));
  for (std::uint32_t i = 0; i < sources; ++i)
    made.options.sources.push_back({"s" + std::to_string(i), random_time(random)});
  // A series of several sources makes sense where all are judged alike and feed the same windows.
  const bool shared = random.one_in(2);
  for (SourceOptions& source : made.options.sources) {
    if (shared) source.time.scope = made.options.sources.front().time.scope;
  }
  for (std::uint32_t i = 0, count = static_cast<std::uint32_t>(random.between(1, 2)); i < count; ++i) {
    made.options.windows.push_back(random_window(random, i, sources));
    if (!shared) continue;
    WindowOptions& window = made.options.windows.back();
    window.match.source.clear();
    window.inputs.clear();
    for (std::uint32_t input = 0; input < sources; ++input) window.inputs.push_back(SourceId{input});
  }
  // The newest reading of a window is known where its `last` is computed (row_labels.h).
  const bool labels_change = random.one_in(2);
  for (WindowOptions& window : made.options.windows) {
    const auto& list = window.aggregates;
    const bool has_last = std::find(list.begin(), list.end(), Aggregate::last) != list.end();
    const bool needs_last = window.kind == WindowKind::session || !window.derived.empty() || random.one_in(2);
    if (labels_change && !has_last && needs_last) window.aggregates.push_back(Aggregate::last);
  }
  made.inputs = Script(random, sources, shared, labels_change).inputs();
  // Of variants, which is evicted next is another test's (continuation_test.cpp).
  if (!labels_change && random.one_in(3)) make_crowded(random, made.options);
  return made;
}

std::uint64_t number_from(const char* variable, std::uint64_t otherwise) {
  const char* const text = std::getenv(variable);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

std::string to_text(const Case& test_case) {
  std::ostringstream out;
  out << "seed " << test_case.seed << ", series " << test_case.options.max_series << ", new ones a minute "
      << test_case.options.new_series_per_minute << '\n';
  for (const SourceOptions& s : test_case.options.sources) {
    out << s.name << ": out_of_orderness " << text_of(s.time.max_out_of_orderness) << " idle "
        << text_of(s.time.idle_timeout) << " scope " << static_cast<int>(s.time.scope) << " future "
        << text_of(s.time.max_future) << " oldest " << text_of(s.time.oldest) << " bad "
        << static_cast<int>(s.time.on_bad_time) << '\n';
  }
  for (const WindowOptions& w : test_case.options.windows) {
    out << w.name << ": kind " << static_cast<int>(w.kind) << " size " << text_of(w.size) << " slide "
        << text_of(w.slide) << " gap " << text_of(w.gap) << " max " << text_of(w.max_length) << " offset "
        << text_of(w.offset) << " lateness " << text_of(w.allowed_lateness) << " trigger " << text_of(w.trigger)
        << " zone " << (w.time_zone != nullptr) << " complete " << w.complete << " dedup " << w.deduplicate << " empty "
        << w.emit_empty << " cube " << w.cube << " min " << w.match.min << " max " << w.match.max << " derived "
        << w.derived.size() << " inputs " << w.inputs.size();
    if (w.top) out << " top " << w.top->n << " by " << name_of(w.top->by);
    for (const std::string& g : w.group_by) out << " by " << g;
    if (w.one_group) out << " one group";
    for (const std::string& g : w.match.sensor) out << " sensor=" << g;
    for (const std::string& g : w.match.metric) out << " metric=" << g;
    for (const std::string& g : w.match.source) out << " source=" << g;
    for (const auto& l : w.match.labels) out << " label " << l.label;
    for (const Aggregate& a : w.aggregates) out << ' ' << name_of(a);
    out << '\n';
  }
  for (const Input& i : test_case.inputs) {
    out << kind_names[static_cast<int>(i.kind)] << " source " << i.source << ' ' << i.sensor << ' ' << i.metric << " t "
        << static_cast<double>(i.time.count()) / 1e6 << " v " << i.value << " labels " << i.labels;
    if (i.moment) {
      out << " at " << static_cast<double>(i.moment->wall.count()) / 1e6 << " running "
          << static_cast<double>(i.moment->running.count()) / 1e6;
    }
    out << '\n';
  }
  return out.str();
}

}  // namespace edgetide::test
