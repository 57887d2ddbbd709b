#include "daemon/broker/paho_connect.h"

#include <cerrno>
#include <cstring>
#include <unistd.h>
#include <utility>

#include "daemon/broker/connect_failure.h"
#include "daemon/broker/paho_trace.h"
#include "daemon/service/host_port.h"
#include "daemon/service/reachability.h"
#include "daemon/service/regular_file.h"

namespace edgetide {

namespace {

using namespace std::chrono_literals;

constexpr auto disconnect_timeout = 2s;
constexpr auto disconnect_timeout_ms = 1000;
constexpr int status_qos = 1;
constexpr auto answer_slice = 20ms;
constexpr auto reach_timeout = 2s;                                       // of a look at why a connect failed
constexpr int refused_version_of_3_1_1 = 1, refused_version_of_5 = 132;  // answers to CONNECT

mqtt::ssl_options to_paho(const TlsOptions& tls) {
  mqtt::ssl_options options;
  if (!tls.ca.empty()) options.set_trust_store(tls.ca);
  if (!tls.cert.empty()) options.set_key_store(tls.cert);
  if (!tls.key.empty()) options.set_private_key(tls.key);
  if (!tls.alpn.empty()) options.set_alpn_protos({tls.alpn});
  options.set_enable_server_cert_auth(true);
  options.set_verify(true);  // the host name too: the library's default is not to look
  options.set_ssl_version(MQTT_SSL_VERSION_TLS_1_2);
  options.set_enabled_cipher_suites("DEFAULT:@SECLEVEL=2");  // the library sets 1, which takes RSA keys of 1024 bits
  return options;
}

int paho_version(const BrokerOptions& options) {
  return options.protocol == 5 ? MQTTVERSION_5 : MQTTVERSION_3_1_1;
}

std::runtime_error wrong_answer(const std::string& what) {
  return std::runtime_error("the broker's answer to connect is wrong: " + what);
}

}  // namespace

void check_servers(const BrokerOptions& options) {
  if (options.servers.empty()) throw std::invalid_argument("no server is given");
  for (const std::string& uri : options.servers) {
    if (uri.find('@') != std::string::npos) {
      throw std::invalid_argument("a server holds no user or password; use username and password");
    }
    const std::optional<ServerAddress> server = parse_server(uri);
    if (!server)
      throw std::invalid_argument("server '" + uri + "' is not an address; write mqtts://broker.example:8883");
    if (server->encrypted() || is_loopback_host(server->host) || options.allow_plaintext) continue;
    throw std::invalid_argument("server '" + uri +
                                "' is not encrypted and not loopback; use mqtts://, or allow_plaintext");
  }
}

ServerAddress server_of(const std::string& server) {
  return parse_server(server).value();
}

void check_readable(const TlsOptions& tls) {
  for (const std::string& file : {tls.ca, tls.cert, tls.key}) {
    if (file.empty()) continue;
    if (access(file.c_str(), R_OK) != 0) throw NeedsPerson("cannot read " + file + ": " + std::strerror(errno));
    if (const std::string error = unfit_for_reading(file); !error.empty()) throw NeedsPerson(file + ' ' + error);
  }
}

mqtt::create_options create_options_of(const BrokerOptions& options) {
  return mqtt::create_options(paho_version(options));
}

std::string paho_uri(const std::string& server) {
  ServerAddress address = server_of(server);
  if (address.scheme == "mqtt") address.scheme = "tcp";
  if (address.scheme == "mqtts") address.scheme = "ssl";
  return address.text();
}

mqtt::connect_options connect_options_of(const BrokerOptions& options, const std::string& server) {
  mqtt::connect_options connect;
  connect.set_mqtt_version(paho_version(options));
  connect.set_keep_alive_interval(std::chrono::microseconds(options.keep_alive.count()));
  connect.set_connect_timeout(connect_timeout);
  connect.set_automatic_reconnect(false);
  if (!options.username.empty()) connect.set_user_name(options.username);
  if (!options.password.empty()) connect.set_password(options.password);
  if (server_of(server).encrypted()) connect.set_ssl(to_paho(options.tls));
  if (!options.status_topic.empty()) {
    connect.set_will(mqtt::will_options(options.status_topic, std::string(status_offline), status_qos, true));
  }
  return connect;
}

void wait_for_answer(mqtt::token& token, std::chrono::seconds at_most, const std::string& what,
                     const WhyEnded& why_ended, const MessageCount& messages) {
  auto deadline = std::chrono::steady_clock::now() + at_most;
  std::uint64_t counted = messages();
  try {
    while (!token.wait_for(answer_slice)) {
      // The library forgets the token when a broker's answer is malformed.
      if (const std::string reason = why_ended(); !reason.empty()) throw std::runtime_error(reason);
      const auto now = std::chrono::steady_clock::now();
      if (const std::uint64_t count = messages(); count != std::exchange(counted, count)) deadline = now + at_most;
      if (now >= deadline) throw std::runtime_error("no answer in time");
    }
  } catch (const std::exception& error) {
    throw std::runtime_error(what + ": " + error.what());
  }
}

mqtt::connect_response BrokerConnect::to(mqtt::async_client& client, const mqtt::connect_options& how) {
  const TracedConnect trace;
  const auto connected = client.connect(how, nullptr, *this);
  try {
    wait_for_answer(*connected, connect_timeout + 5s, "connect", why_ended_);
  } catch (const std::exception& error) {
    const int code = connected->is_complete() ? connected->get_return_code() : 0;
    const bool is_refused = code == refused_version_of_3_1_1 || code == refused_version_of_5;
    if (options_.protocol == 5 && (is_refused || reads_.is_older())) {
      throw NeedsPerson(server_ + ": the broker does not take MQTT 5; set protocol = \"3.1.1\"");
    }
    throw ConnectFailed(failure(code, error.what()), code);
  }
  return connected->get_connect_response();
}

void BrokerConnect::on_failure(const mqtt::token&) {
  const MutexLock lock(mutex_);
  traced_failure_ = take_traced_failure();
}

std::string BrokerConnect::copy_of_traced_failure() const {
  const MutexLock lock(mutex_);
  return traced_failure_;
}

std::string BrokerConnect::failure(int code, const char* otherwise) const {
  if (code > 0) return "connect: the broker refuses: " + refused_connect(options_.protocol, code);
  if (code != MQTTASYNC_FAILURE) return otherwise;
  if (const std::string words = copy_of_traced_failure(); !words.empty()) return "connect: " + words;
  if (!reads_.error().empty()) return "connect: no valid answer";
  const ServerAddress address = server_of(server_);
  const std::string why =
      why_unreachable(address.host, address.port, reach_timeout, [this] { return !why_ended_().empty(); });
  return "connect: " + (why.empty() ? ended_without_answer(address, reads_.has_sent_connect()) : why);
}

void check_connack(const BrokerOptions& options, bool clean, int qos, const mqtt::connect_response& answer) {
  if (answer.is_session_present() && clean) throw wrong_answer("it has a session though a clean start was asked for");
  if (options.protocol != 5) return;
  using mqtt::property;
  const mqtt::properties& properties = answer.get_properties();
  if (number_in(properties, property::RECEIVE_MAXIMUM, 1) == 0) throw wrong_answer("receive maximum 0");
  if (number_in(properties, property::MAXIMUM_PACKET_SIZE, 1) == 0) throw wrong_answer("maximum packet size 0");
  const std::uint32_t most = number_in(properties, property::MAXIMUM_QOS, 2);
  if (most > 2) throw wrong_answer("maximum QoS " + std::to_string(most));
  if (most < static_cast<std::uint32_t>(qos)) {
    throw std::runtime_error("connect: the broker allows QoS " + std::to_string(most) + " at most, qos is " +
                             std::to_string(qos));
  }
  if (!properties.contains(property::ASSIGNED_CLIENT_IDENTIFER)) return;
  if (mqtt::get<std::string>(properties, property::ASSIGNED_CLIENT_IDENTIFER) != options.client_id) {
    throw wrong_answer("another client id than ours, whose session is not ours");
  }
}

std::uint32_t number_in(const mqtt::properties& properties, mqtt::property::code code, std::uint32_t otherwise) {
  using mqtt::property;
  if (!properties.contains(code)) return otherwise;
  switch (code) {
    case property::RECEIVE_MAXIMUM:
    case property::TOPIC_ALIAS_MAXIMUM:
      return mqtt::get<std::uint16_t>(properties, code);
    case property::MAXIMUM_QOS:
    case property::RETAIN_AVAILABLE:
    case property::SHARED_SUBSCRIPTION_AVAILABLE:
    case property::SUBSCRIPTION_IDENTIFIERS_AVAILABLE:
      return mqtt::get<std::uint8_t>(properties, code);
    default:
      return mqtt::get<std::uint32_t>(properties, code);
  }
}

std::string disconnect_words(int reason) {
  const char* const words = MQTTReasonCode_toString(static_cast<MQTTReasonCodes>(reason));
  return "the broker disconnected us, reason " + std::to_string(reason) +
         (words == nullptr || reason == reason_taken_over ? "" : " (" + std::string(words) + ")");
}

mqtt::delivery_token_ptr publish_status(mqtt::async_client& client, const std::string& topic, const char* status) {
  return client.publish(topic, status, std::strlen(status), status_qos, true);
}

void end_connection(mqtt::async_client& client, const std::string& status_topic) noexcept {
  try {
    if (!client.is_connected()) return;
    if (!status_topic.empty()) publish_status(client, status_topic, status_offline)->wait_for(disconnect_timeout);
    client.disconnect(disconnect_timeout_ms)->wait_for(disconnect_timeout);
  } catch (const std::exception&) {
    // The connection is gone already, which is what was wanted.
  }
}

}  // namespace edgetide
