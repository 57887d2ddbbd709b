// `edgetide test`: gives the messages of each [[tests]] to the pipeline as a gateway would, compares the final rows.
#include <algorithm>
#include <cmath>
#include <iostream>
#include <map>
#include <sstream>
#include <stdexcept>
#include <utility>

#include "config/config.h"
#include "daemon/commands/commands.h"
#include "daemon/commands/replay_run.h"
#include "daemon/commands/route_choice.h"
#include "daemon/decoders/json.h"
#include "daemon/intake/event_time.h"
#include "daemon/intake/message_memory.h"
#include "daemon/service/log.h"
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
      : test_(test), gateway_(gateway), replay_(replay_options(), gateway, output_) {}

  // Prints what fails; false: something does.
  bool passes() {
    for (const ConfiguredTest::Message& message : test_.messages) give(message);
    replay_.finish();
    keep_newest_rows();
    compare();
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
    replay_.take(ReplayTick{message.at});
    const RouteChoice choice = choose_route(gateway_, message.source, message.topic);
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

  // Each row that is expected takes one that there is.
  void compare() {
    std::vector<bool> taken(rows_.size());
    for (const ConfiguredTest::Row& wanted : test_.rows) {
      std::size_t i = 0;
      while (i < rows_.size() && (taken[i] || !has_all(*json_.parse(rows_[i]).root, wanted.columns))) ++i;
      if (i < rows_.size()) {
        taken[i] = true;
      } else {
        failures_.push_back(wanted.place + ": no row has " + wanted.text);
      }
    }
    const auto others = static_cast<std::size_t>(std::count(taken.begin(), taken.end(), false));
    if (test_.only && others > 0) failures_.push_back(quantity(others, "other row") + " came too");
    if (test_.refused && static_cast<std::size_t>(*test_.refused) != refusals_.size()) {
      failures_.push_back(std::to_string(refusals_.size()) + " refused, not " + std::to_string(*test_.refused));
    }
  }

  const ConfiguredTest& test_;
  const GatewayOptions& gateway_;
  std::ostringstream output_;
  ReplayRun replay_;
  MessageMemory memory_{{}, {}, {}};
  std::map<std::string, Router> routers_;
  JsonParser json_;
  std::vector<std::string> rows_, refusals_, failures_;
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
    std::cout << (passes ? "passed  " : "FAILED  ") << printable(test.name) << std::endl;
    if (!error.empty()) std::cerr << "  " << error << '\n';
    if (!passes) ++failed;
  }
  std::cout << configuration.tests.size() - failed << " of " << quantity(configuration.tests.size(), "test")
            << " passed\n";
  return failed == 0 ? exit_fine : exit_failed;
}

}  // namespace edgetide
