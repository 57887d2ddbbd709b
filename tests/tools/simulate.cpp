// edgetide_simulate: sends the readings of simulated sensors to a broker or a socket, and writes down what it sent.
#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <fstream>
#include <iostream>
#include <map>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "tests/tools/outlet.h"
#include "tests/tools/simulation.h"

namespace edgetide::simulation {
namespace {

constexpr const char* metric = "temperature";

struct Command {
  Options plan;
  std::string to = "mqtt://127.0.0.1:1883";
  std::string format = "json";
  std::string topic = "sensors/{sensor}/{metric}";
  std::string log;
  double rate = 0;
  std::size_t in_flight = 100;
  bool live = false;
  bool quiet = false;
};

std::int64_t now_us() {
  using namespace std::chrono;
  return duration_cast<microseconds>(system_clock::now().time_since_epoch()).count();
}

std::string number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.6f", value);  // exact for multiples of 1/64
  return text;
}

std::string payload(const Command& command, const Reading& reading) {
  if (reading.kind == Kind::no_json) return "sensor rebooting...";
  const std::string sensor = sensor_name(command.plan, reading.sensor);
  const std::string time = std::to_string(reading.event_time_us);
  const std::string value = reading.kind == Kind::no_number ? "\"open circuit\"" : number(reading.value);
  if (command.format == "influx")
    return std::string(metric) + ",sensor=" + sensor + " value=" + value + " " + time + "000";
  if (command.format == "csv") return sensor + "," + metric + "," + time + "," + value;
  return R"({"sensor":")" + sensor + R"(","time":)" + time + R"(,")" + metric + R"(":)" + value + "}";
}

std::string topic(const Command& command, const Reading& reading) {
  std::string topic = command.topic;
  const std::map<std::string, std::string> names = {{"{sensor}", sensor_name(command.plan, reading.sensor)},
                                                    {"{metric}", metric}};
  for (const auto& [name, text] : names) {
    if (const std::size_t at = topic.find(name); at != std::string::npos) topic.replace(at, name.size(), text);
  }
  return topic;
}

// "mqtt://host:port", "tcp://host:port", "udp://host:port" or "unix:/path".
std::unique_ptr<Outlet> connect(const Command& command) {
  const std::string& to = command.to;
  if (to.starts_with("unix:")) return make_unix_outlet(to.substr(5));
  const std::size_t scheme = to.find("://");
  const std::size_t colon = to.rfind(':');
  if (scheme == std::string::npos || colon <= scheme) throw std::runtime_error("--to " + to + " has no host and port");
  const std::string protocol = to.substr(0, scheme);
  const std::string host = to.substr(scheme + 3, colon - scheme - 3);
  const std::string port = to.substr(colon + 1);
  if (protocol == "mqtt") return make_mqtt_outlet(host, port, command.in_flight);
  if (protocol == "tcp") return make_tcp_outlet(host, port);
  if (protocol == "udp") return make_udp_outlet(host, port);
  throw std::runtime_error("--to " + to + ": write mqtt://, tcp://, udp:// or unix:");
}

// Waits for the turn of the reading: by its own time when live, else by its place in the row.
void pace(const Command& command, const Reading& reading, std::size_t place, std::int64_t started_us) {
  std::int64_t due_us = started_us;
  if (command.live) due_us = reading.due_us;
  if (command.rate > 0)
    due_us = started_us + static_cast<std::int64_t>(1e6 * static_cast<double>(place) / command.rate);
  const std::int64_t early_us = due_us - now_us();
  if (early_us > 0) std::this_thread::sleep_for(std::chrono::microseconds(early_us));
}

// Only what the peer has accepted; the outcome of the rest is unknown.
void write_log(const Command& command, const std::vector<Reading>& readings, std::size_t taken) {
  if (command.log.empty()) return;
  std::ofstream out(command.log);
  out << "sent,sensor,metric,event_time_us,value,kind\n";
  for (std::size_t i = 0; i < taken; ++i) {
    const Reading& reading = readings[i];
    out << i + 1 << ',' << sensor_name(command.plan, reading.sensor) << ',' << metric << ',' << reading.event_time_us
        << ',' << number(reading.value) << ',' << kind_names[static_cast<std::size_t>(reading.kind)] << '\n';
  }
  if (!out.flush()) throw std::runtime_error("cannot write " + command.log);
}

void send(const Command& command, const std::vector<Reading>& readings) {
  const std::unique_ptr<Outlet> outlet = connect(command);
  try {
    const std::int64_t started_us = now_us();
    for (std::size_t i = 0; i < readings.size(); ++i) {
      pace(command, readings[i], i, started_us);
      outlet->send(topic(command, readings[i]), payload(command, readings[i]));
    }
    outlet->finish();
  } catch (...) {
    write_log(command, readings, outlet->taken());
    throw;
  }
  write_log(command, readings, outlet->taken());
}

void report(const std::vector<Reading>& readings) {
  std::array<std::size_t, kind_names.size()> counts{};
  for (const Reading& reading : readings) ++counts[static_cast<std::size_t>(reading.kind)];
  std::cout << "sent " << readings.size() << " readings:";
  for (std::size_t i = 0; i < counts.size(); ++i) {
    if (counts[i] > 0) std::cout << ' ' << kind_names[i] << ' ' << counts[i];
  }
  std::cout << '\n';
}

void declare(CLI::App& app, Command& command) {
  app.add_option("--to", command.to, "mqtt://host:port, tcp://host:port, udp://host:port, unix:/path")
      ->capture_default_str();
  app.add_option("--format", command.format, "json, influx or csv")
      ->check(CLI::IsMember({"json", "influx", "csv"}))
      ->capture_default_str();
  app.add_option("--topic", command.topic)->capture_default_str();
  app.add_option("--sensors", command.plan.sensors)->check(CLI::PositiveNumber)->capture_default_str();
  app.add_option("--readings", command.plan.readings, "all sensors and kinds together")->capture_default_str();
  app.add_option("--seed", command.plan.seed)->capture_default_str();
  app.add_option("--span", command.plan.span, "seconds of event time; they end now")->capture_default_str();
  app.add_option("--disorder", command.plan.disorder, "seconds a regular reading may be out of order")
      ->capture_default_str();
  app.add_option("--same-time", command.plan.same_time, "fraction that repeats an event time with another value");
  app.add_option("--late", command.plan.late, "fraction sent up to --late-by after the disorder");
  app.add_option("--late-by", command.plan.late_by, "seconds")->capture_default_str();
  app.add_option("--very-late", command.plan.very_late, "fraction sent --very-late-by or more after its time");
  app.add_option("--very-late-by", command.plan.very_late_by, "seconds")->capture_default_str();
  app.add_option("--bad", command.plan.bad, "fraction that is in the future, ancient, no number or no JSON");
  app.add_option("--rate", command.rate, "readings per second; 0: as fast as they are taken")->capture_default_str();
  app.add_option("--in-flight", command.in_flight, "MQTT messages not yet acknowledged")->capture_default_str();
  app.add_flag("--live", command.live, "event time is the wall clock: send each reading when its time has come");
  app.add_flag("--demo", command.plan.demo, "the first five sensors each show what goes wrong in the field");
  app.add_option("--log", command.log, "CSV of every reading that was taken, in order of sending");
  app.add_flag("--quiet", command.quiet, "do not say what was sent");
}

}  // namespace
}  // namespace edgetide::simulation

int main(int argc, char** argv) {
  using namespace edgetide::simulation;
  Command command;
  CLI::App app("Sends readings of simulated sensors to a broker or to a socket.", "edgetide_simulate");
  declare(app, command);
  CLI11_PARSE(app, argc, argv);
  try {
    const std::int64_t span_us = static_cast<std::int64_t>(1e6 * command.plan.span);
    command.plan.start_us = command.live ? now_us() : now_us() - span_us;
    const std::vector<Reading> readings = plan(command.plan);
    send(command, readings);
    if (!command.quiet) report(readings);
    return 0;
  } catch (const std::exception& error) {
    std::cerr << "edgetide_simulate: " << error.what() << '\n';
    return 1;
  }
}
