#include "daemon/broker/kafka_conf.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <sys/socket.h>

#include "daemon/service/cidr.h"

namespace edgetide {

namespace {

constexpr int log_warnings = 4;  // of syslog

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ",") + word;
  return text;
}

// On a thread of a broker. What it returns is shown as the reason of the failed connect.
int connect_without_tls(int socket, const sockaddr* address, int length, const char*, void*) {
  sockaddr_storage storage{};
  std::memcpy(&storage, address, std::min(sizeof storage, static_cast<std::size_t>(length)));
  if (!is_loopback(storage)) return EPERM;
  const bool has_begun = ::connect(socket, address, static_cast<socklen_t>(length)) == 0 || errno == EINPROGRESS;
  return has_begun ? 0 : errno;
}

void set_security(rd_kafka_conf_t* conf, const KafkaBrokerOptions& options) {
  const bool logs_in = !options.username.empty();
  set_kafka(conf, "security.protocol", std::string(logs_in ? "sasl_" : "") + (options.tls ? "ssl" : "plaintext"));
  if (options.tls) {
    set_kafka(conf, "ssl.endpoint.identification.algorithm", "https");
    if (!options.ca.empty()) set_kafka(conf, "ssl.ca.location", options.ca);
    if (!options.cert.empty()) set_kafka(conf, "ssl.certificate.location", options.cert);
    if (!options.key.empty()) set_kafka(conf, "ssl.key.location", options.key);
  } else if (!options.allow_plaintext) {
    rd_kafka_conf_set_connect_cb(conf, connect_without_tls);
  }
  if (!logs_in) return;
  set_kafka(conf, "sasl.mechanisms", std::string(word_of(sasl_mechanism_words, options.mechanism)));
  set_kafka(conf, "sasl.username", options.username);
  set_kafka(conf, "sasl.password", options.password);
}

}  // namespace

void set_kafka(rd_kafka_conf_t* conf, const char* key, const std::string& value) {
  char error[512] = "";
  if (rd_kafka_conf_set(conf, key, value.c_str(), error, sizeof error) != RD_KAFKA_CONF_OK) {
    throw std::runtime_error(error);
  }
}

KafkaConf make_kafka_conf(const KafkaBrokerOptions& options) {
  KafkaConf conf(rd_kafka_conf_new());
  set_kafka(conf.get(), "bootstrap.servers", joined(options.servers));
  set_kafka(conf.get(), "client.id", options.client_id);
  set_security(conf.get(), options);
  set_kafka(conf.get(), "socket.keepalive.enable", "true");
  set_kafka(conf.get(), "log.connection.close", "false");
  set_kafka(conf.get(), "log.queue", "true");
  set_kafka(conf.get(), "log_level", std::to_string(log_warnings));
  return conf;
}

rd_kafka_t* make_kafka_client(rd_kafka_type_t type, KafkaConf conf) {
  char error[512] = "";
  rd_kafka_t* const client = rd_kafka_new(type, conf.get(), error, sizeof error);
  if (client == nullptr) throw std::runtime_error(error);
  static_cast<void>(conf.release());  // it is the client's
  rd_kafka_set_log_queue(client, nullptr);
  return client;
}

}  // namespace edgetide
