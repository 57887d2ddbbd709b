// `edgetide test`: gives the messages of each [[tests]] to the pipeline as a gateway would, compares the final rows.
#include <algorithm>
#include <cmath>
#include <iostream>
#include <map>
#include <sstream>
#include <stdexcept>
#include <utility>

#include "config/config.h"
#include "config/spelling.h"
#include "daemon/commands/commands.h"
#include "daemon/commands/replay_run.h"
#include "daemon/commands/route_choice.h"
#include "daemon/decoders/id_text.h"
#include "daemon/decoders/json.h"
#include "daemon/intake/event_time.h"
#include "daemon/intake/message_memory.h"
#include "daemon/service/quantity.h"
#include "pipeline/time_text.h"

namespace edgetide {

namespace {

using Expectations = std::vector<ConfiguredTest::Expectation>;

bool is_same_number(double wanted, double found) {
  return std::abs(wanted - found) <= 1e-9 * std::max(std::abs(wanted), std::abs(found));
}

bool is_same_text(const std::string& wanted, std::string_view found) {
  if (wanted == found) return true;
  const auto time = parse_rfc3339(wanted);
  return time && time == parse_rfc3339(found);
}

bool has_all(JsonValue object, const Expectations& wanted);

bool has(JsonValue object, const ConfiguredTest::Expectation& wanted) {
  const auto found = object.find(wanted.name);
  if (!found) return false;
  if (const auto* const number = std::get_if<double>(&wanted.value)) {
    return found->is(JsonKind::number) && is_same_number(*number, found->number());
  }
  if (const auto* const text = std::get_if<std::string>(&wanted.value)) {
    return found->is(JsonKind::text) && is_same_text(*text, found->text());
  }
  return has_all(*found, std::get<Expectations>(wanted.value));
}

bool has_all(JsonValue object, const Expectations& wanted) {
  return std::all_of(wanted.begin(), wanted.end(), [&](const auto& one) { return has(object, one); });
}

// One of [[tests]], tried.
class TestRun {
 public:
  TestRun(const ConfiguredTest& test, const GatewayOptions& gateway)
      : test_(test), gateway_(gateway), replay_(replay_options(), gateway.pipeline, gateway.enrichment, output_) {}

  // Prints what fails; false: something does.
  bool passes() {
    for (const ConfiguredTest::Message& message : test_.messages) give(message);
    replay_.finish();
    note_refusals();
    keep_newest_rows();
    check_names();
    if (failures_.empty()) compare();
    for (const std::string& failure : failures_) std::cerr << "  " << failure << '\n';
    if (failures_.empty()) return true;
    for (const std::string& row : rows_) std::cerr << "  row: " << row << '\n';
    for (const std::string& refusal : refusals_) std::cerr << "  refused: " << refusal << '\n';
    return false;
  }

 private:
  static const ReplayOptions& replay_options() {
    static const ReplayOptions options = [] {
      ReplayOptions flushed;
      flushed.flush = true;
      return flushed;
    }();
    return options;
  }

  // Those of the pipeline, for their time.
  void note_refusals() {
    const Counters counters = replay_.counters();
    for (std::size_t reason = 0; reason < refusal_count; ++reason) {
      for (std::uint64_t i = 0; i < counters.refused[reason]; ++i) refusals_.emplace_back(name_of(Refusal(reason)));
    }
  }

  // Mistakes that no row could meet.
  void check_names() {
    std::vector<std::string_view> windows;
    for (const WindowSchema& schema : replay_.schemas()) windows.push_back(schema.name);
    for (const ConfiguredTest::Row& row : test_.rows) {
      const auto window = std::find_if(row.columns.begin(), row.columns.end(),
                                       [](const auto& column) { return column.name == "window"; });
      const auto* const name = window == row.columns.end() ? nullptr : std::get_if<std::string>(&window->value);
      if (name != nullptr && std::find(windows.begin(), windows.end(), *name) == windows.end()) {
        fail_at(row, "no window is called '" + *name + '\'', *name, windows);
      } else {
        check_columns(row, name);
      }
    }
  }

  void check_columns(const ConfiguredTest::Row& row, const std::string* window) {
    std::vector<std::string_view> known = {"window", "sensor", "metric",   "labels", "start",
                                           "end",    "state",  "revision", "epoch"};
    for (const WindowSchema& schema : replay_.schemas()) {
      if (window != nullptr && schema.name != *window) continue;
      for (const auto& column : schema.columns) known.push_back(column.name);
    }
    for (const auto& column : row.columns) {
      if (std::find(known.begin(), known.end(), column.name) != known.end()) continue;
      fail_at(row, "no row has a column '" + column.name + '\'', column.name, known);
    }
  }

  void fail_at(const ConfiguredTest::Row& row, std::string text, std::string_view word,
               std::span<const std::string_view> candidates) {
    if (const std::string hint = did_you_mean(word, candidates); !hint.empty()) text += "; " + hint;
    failures_.push_back(row.place + ": " + text);
  }

  // Of each window of a sensor; a row begins with what it is of.
  void keep_newest_rows() {
    std::map<std::string, std::size_t> places;
    std::istringstream lines(output_.str());
    for (std::string line; std::getline(lines, line);) {
      const auto [place, is_new] = places.emplace(line.substr(0, line.find(",\"end\":")), rows_.size());
      if (is_new) {
        rows_.push_back(std::move(line));
      } else {
        rows_[place->second] = std::move(line);
      }
    }
  }

  void give(const ConfiguredTest::Message& message) {
    replay_.set_place(message.place);
    replay_.take(ReplayTick{message.at});
    const RouteChoice choice = route_of(message);
    const std::string& source = choice.source;
    DecodedBatch batch;
    decode_message(router_of(source), message.topic, message.payload, choice.takes_lines, batch);
    memory_.check(source, batch, {message.at, message.at - Timestamp()});
    for (const auto& readings : memory_.new_readings()) {
      for (const DecodedReading& reading : readings) give(source, message.at, batch, reading);
    }
    for (const auto& refusals : memory_.new_refusals()) {
      for (const DecodedRefusal& refusal : refusals) refusals_.emplace_back(name_of(refusal.reason));
    }
    memory_.note(source);
  }

  RouteChoice route_of(const ConfiguredTest::Message& message) const {
    try {
      return choose_route(gateway_.sources, message.source, message.topic);
    } catch (const std::runtime_error& error) {
      throw std::runtime_error(message.place + ": " + error.what());
    }
  }

  void give(const std::string& source, Timestamp at, const DecodedBatch& batch, const DecodedReading& reading) {
    const auto labels = batch.labels_of(reading);
    replay_.take(
        ReplayReading{.source = source,
                      .sensor = reading.sensor,
                      .metric = reading.metric,
                      .time = reading.event_time == unreadable_time ? unreadable_time : event_time_of(reading, at),
                      .arrival = at,
                      .value = reading.value,
                      .is_raw = true,
                      .labels = {labels.begin(), labels.end()}});
  }

  Router& router_of(const std::string& source) {
    const auto known = routers_.find(source);
    if (known != routers_.end()) return known->second;
    const auto found = std::find_if(gateway_.sources.begin(), gateway_.sources.end(),
                                    [&](const SourceInput& one) { return one.name == source; });
    return routers_.try_emplace(source, found->source->routes()).first->second;
  }

  // Each row that is expected takes one that there is, so that as many as can be are met, whatever their order.
  void compare() {
    takers_.assign(rows_.size(), nullptr);
    for (const ConfiguredTest::Row& wanted : test_.rows) {
      std::vector<bool> tried(rows_.size());
      if (!takes_row(wanted, tried)) failures_.push_back(wanted.place + ": no row has " + wanted.text);
    }
    const auto others = static_cast<std::size_t>(std::count(takers_.begin(), takers_.end(), nullptr));
    if (test_.only && others > 0) failures_.push_back(quantity(others, "other row") + " came too");
    if (test_.refused && static_cast<std::size_t>(*test_.refused) != refusals_.size()) {
      failures_.push_back(std::to_string(refusals_.size()) + " refused, not " + std::to_string(*test_.refused));
    }
  }

  // Perhaps one whose taker finds another.
  bool takes_row(const ConfiguredTest::Row& wanted, std::vector<bool>& tried) {
    for (std::size_t i = 0; i < rows_.size(); ++i) {
      if (tried[i] || !has_all(*json_.parse(rows_[i]).root, wanted.columns)) continue;
      tried[i] = true;
      if (takers_[i] != nullptr && !takes_row(*takers_[i], tried)) continue;
      takers_[i] = &wanted;
      return true;
    }
    return false;
  }

  const ConfiguredTest& test_;
  const GatewayOptions& gateway_;
  std::ostringstream output_;
  ReplayRun replay_;
  MessageMemory memory_{{}, {}, {}};
  std::map<std::string, Router> routers_;
  JsonParser json_;
  std::vector<std::string> rows_, refusals_, failures_;
  std::vector<const ConfiguredTest::Row*> takers_;  // by row
};

}  // namespace

int test_command(const std::string& config) {
  const Configuration configuration = load_configuration(config, {.resolve_secrets = false});
  if (configuration.tests.empty()) throw std::runtime_error("the configuration has no [[tests]]");
  std::size_t failed = 0;
  for (const ConfiguredTest& test : configuration.tests) {
    std::string error;
    bool passes = false;
    try {
      passes = TestRun(test, configuration.options).passes();
    } catch (const std::exception& thrown) {
      error = thrown.what();
    }
    std::cout << (passes ? "passed  " : "FAILED  ") << escaped(test.name) << std::endl;
    if (!error.empty()) std::cerr << "  " << error << '\n';
    if (!passes) ++failed;
  }
  std::cout << configuration.tests.size() - failed << " of " << quantity(configuration.tests.size(), "test")
            << " passed\n";
  return failed == 0 ? exit_fine : exit_failed;
}

}  // namespace edgetide
