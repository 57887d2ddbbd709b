// `edgetide learn`: listens at a broker for a while, and prints a configuration that reads what it heard.
#include <chrono>
#include <csignal>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>
#include <stdexcept>
#include <thread>
#include <unistd.h>
#include <utility>

#include "config/config.h"
#include "daemon/commands/commands.h"
#include "daemon/commands/learned_config.h"
#include "daemon/commands/route_learner.h"
#include "daemon/decoders/id_text.h"
#include "daemon/service/host_port.h"
#include "daemon/service/log.h"
#include "daemon/service/mutex.h"
#include "daemon/service/quantity.h"
#include "daemon/service/server_address.h"
#include "daemon/sources/mqtt_source.h"

namespace edgetide {

namespace {

constexpr std::size_t shown_unreadable = 20;
constexpr std::chrono::milliseconds between_looks{100};
volatile std::sig_atomic_t is_interrupted = 0;

void interrupt(int) {
  is_interrupted = 1;
}

// Thread: any.
class HeardMessages {
 public:
  void hear(std::string_view topic, std::string_view payload) {
    const MutexLock lock(mutex_);
    learner_.hear(topic, payload);
  }
  RouteLearner copy() const {
    const MutexLock lock(mutex_);
    return learner_;
  }

 private:
  mutable Mutex mutex_;
  RouteLearner learner_ GUARDED_BY(mutex_);
};

// The format whose decoder only remembers.
class HearingOptions final : public FormatOptions {
 public:
  explicit HearingOptions(HeardMessages& heard) : heard_(heard) {}
  bool is_same(const FormatOptions& other) const override { return this == &other; }
  HeardMessages& heard() const noexcept { return heard_; }

 private:
  HeardMessages& heard_;
};

class HearingDecoder final : public Decoder {
 public:
  explicit HearingDecoder(HeardMessages& heard) : heard_(heard) {}
  void decode(const Message& message, DecodedBatch&) override { heard_.hear(message.topic, message.payload); }

 private:
  HeardMessages& heard_;
};

const Format hearing_format{
    .name = "hearing",
    .takes = {},
    .make = [](const MappingOptions& options, std::span<const std::string>) -> std::unique_ptr<Decoder> {
      return std::make_unique<HearingDecoder>(static_cast<const HearingOptions&>(*options.own).heard());
    },
};

// Takes everything, and says on standard error what the source says. Thread: any.
class LearningHost final : public SourceHost {
 public:
  Acceptance try_accept(SourceId, const DecodedBatch&) noexcept override { return {Acceptance::Answer::taken, 0}; }
  void attach(SourceId, SourceEvents& events) noexcept override { events.set_blocking(true); }
  void detach(SourceId) noexcept override {}
  std::vector<StoredPosition> positions(SourceId) const override { return {}; }
  bool begin_session(SourceId, const SourceSession&) noexcept override { return true; }
  std::optional<std::string> session_notes(std::string_view) const override { return std::nullopt; }
  void connected(SourceId, std::string_view peer) noexcept override {
    const MutexLock lock(mutex_);
    is_connected_ = true;
    std::cerr << "connected to " << printable(peer) << std::endl;
  }
  void disconnected(SourceId, std::string_view reason) noexcept override { tell(reason); }
  void impaired(SourceId, std::string_view reason) noexcept override { tell(reason); }
  void notice(SourceId, std::string_view text) noexcept override { tell(text); }
  void turned_away(SourceId, TurnedAway) noexcept override {}

  bool is_connected() const {
    const MutexLock lock(mutex_);
    return is_connected_;
  }

 private:
  void tell(std::string_view text) noexcept {
    const MutexLock lock(mutex_);
    if (!text.empty()) std::cerr << printable(text) << std::endl;
  }

  mutable Mutex mutex_;
  bool is_connected_ GUARDED_BY(mutex_) = false;
};

std::string first_line_of(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  if (!std::getline(file, line)) throw std::runtime_error(path + ": cannot be read");
  return line;
}

MqttOptions mqtt_options(const LearnOptions& options, HeardMessages& heard) {
  MqttOptions mqtt;
  mqtt.name = "learn";
  mqtt.servers = {options.server};
  mqtt.client_id = "edgetide-learn-" + std::to_string(::getpid());
  mqtt.username = options.username;
  if (!options.password_file.empty()) mqtt.password = first_line_of(options.password_file);
  mqtt.tls.ca = options.ca;
  mqtt.clean_start = true;
  mqtt.qos = 0;
  mqtt.use_retained = true;
  mqtt.allow_plaintext = options.password_file.empty();
  RouteOptions route{.topic = options.topic, .mapping = {}};
  route.mapping.format = &hearing_format;
  route.mapping.own = std::make_shared<HearingOptions>(heard);
  mqtt.routes = {std::move(route)};
  return mqtt;
}

void listen(const LearnOptions& options, HeardMessages& heard) {
  LearningHost host;
  const std::unique_ptr<Source> source = make_mqtt_source(mqtt_options(options, heard), SourceId{0}, host);
  std::signal(SIGINT, interrupt);
  source->start();
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(options.seconds);
  while (is_interrupted == 0 && std::chrono::steady_clock::now() < until) std::this_thread::sleep_for(between_looks);
  source->stop();
  if (!host.is_connected()) throw std::runtime_error("no connection to " + options.server);
}

bool is_plain_and_remote(const std::string& server) {
  const auto address = parse_server(server);
  return address && !address->encrypted() && !is_loopback_host(address->host);
}

void print(const LearnOptions& options, const RouteLearner& learner, std::ostream& out) {
  const RouteLearner::Learned learned = learner.learn();
  out << "# Heard in " << quantity(static_cast<std::uint64_t>(options.seconds), "second") << ": "
      << quantity(learner.messages(), "message") << " on " << quantity(learner.topics(), "topic") << ".\n";
  if (learner.beyond() > 0)
    out << "# " << quantity(learner.beyond(), "message") << " of further topics not looked at.\n";
  out << "[sources.learned]\ntype = \"mqtt\"\nservers = [" << in_toml(options.server) << "]\n";
  if (!options.username.empty()) out << "username = " << in_toml(options.username) << '\n';
  if (!options.password_file.empty()) out << "password = " << in_toml("${file:" + options.password_file + "}") << '\n';
  if (!options.ca.empty()) out << "tls = { ca = " << in_toml(options.ca) << " }\n";
  if (is_plain_and_remote(options.server)) out << "allow_plaintext = true\n";
  for (const LearnedRoute& route : learned.routes) {
    out << "\n# " << quantity(route.messages, "message") << " on " << quantity(route.topics, "topic") << ", such as "
        << escaped(route.example) << '\n';
    for (const std::string& mixed : route.mixed) out << "# Warning: " << escaped(mixed) << '\n';
    out << "[[sources.learned.routes]]\n" << route.toml();
  }
  out << "\n[windows.minute]\nsize = \"1m\"\n\n[sinks.rows]\ntype = \"sqlite\"\n";
  if (learned.unreadable.empty()) return;
  out << "\n# No value was found on " << quantity(learned.unreadable.size(), "topic") << ":\n";
  for (std::size_t i = 0; i < learned.unreadable.size() && i < shown_unreadable; ++i) {
    out << "#   " << escaped(learned.unreadable[i]) << '\n';
  }
  if (learned.unreadable.size() > shown_unreadable) out << "#   ...\n";
}

}  // namespace

int learn_command(const LearnOptions& options) {
  if (!parse_server(options.server)) {
    throw std::runtime_error("--server " + printable(options.server) + " is not an address such as mqtt://broker:1883");
  }
  HeardMessages heard;
  std::cerr << "listening at " << options.server << " for "
            << quantity(static_cast<std::uint64_t>(options.seconds), "second") << " to " << options.topic << std::endl;
  listen(options, heard);
  const RouteLearner learner = heard.copy();
  if (learner.messages() == 0) throw std::runtime_error("no message came");
  print(options, learner, std::cout);
  std::cout << std::flush;
  return exit_fine;
}

}  // namespace edgetide
