#include "daemon/sources/mqtt_source.h"

#include <gmock/gmock.h>

#include "tests/fakes/mosquitto_server.h"
#include "tests/fakes/recording_host.h"

namespace edgetide::test {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;

MqttOptions options_for(const std::string& uri, int protocol = 5) {
  MqttOptions options;
  options.name = "test";
  options.servers = {uri};
  options.protocol = protocol;
  options.client_id = "edgetide-test";
  RouteOptions route;
  route.topic = "sensors/{device}/{metric}";
  route.mapping.format = PayloadFormat::number;
  options.routes = {route};
  return options;
}

std::string tcp_uri(int port) {
  return "mqtt://127.0.0.1:" + std::to_string(port);
}

TEST(MqttSource, delivers_readings_over_both_protocols) {
  for (const int protocol : {3, 5}) {
    const MosquittoServer broker;
    RecordingHost host;
    const auto source = make_mqtt_source(options_for(broker.uri(), protocol), SourceId{0}, host);
    source->start();
    ASSERT_TRUE(host.wait_for_connections(1)) << "protocol " << protocol;
    ASSERT_TRUE(broker.publish("sensors/kitchen/temperature", "21.5"));
    ASSERT_TRUE(host.wait_for_readings(1));
    EXPECT_THAT(host.readings(), ElementsAre(RecordedReading{"kitchen", "temperature", 21.5}));
    source->stop();
  }
}

TEST(MqttSource, message_that_was_not_accepted_is_delivered_again_to_the_next_client) {
  const MosquittoServer broker;
  // In a child process: what is not accepted parks Paho's receive thread until the process ends.
  const pid_t child = fork();
  if (child == 0) {
    RecordingHost host;
    host.accept_from_now_on(false);
    const auto source = make_mqtt_source(options_for(broker.uri()), SourceId{0}, host);
    source->start();
    bool fine = host.wait_for_connections(1) && broker.publish("sensors/a/t", "1") && host.wait_for_offers(1);
    source->stop();
    _exit(fine ? 0 : 1);
  }
  int status = 0;
  waitpid(child, &status, 0);
  ASSERT_EQ(status, 0);

  RecordingHost host;
  const auto source = make_mqtt_source(options_for(broker.uri()), SourceId{0}, host);
  source->start();
  ASSERT_TRUE(host.wait_for_readings(1));
  EXPECT_THAT(host.readings(), ElementsAre(RecordedReading{"a", "t", 1}));
  source->stop();
}

TEST(MqttSource, message_is_not_acknowledged_before_it_is_accepted) {
  const MosquittoServer broker;
  const pid_t child = fork();
  if (child == 0) {
    RecordingHost host;
    host.hold(true);
    const auto source = make_mqtt_source(options_for(broker.uri(), 3), SourceId{0}, host);
    source->start();
    const bool fine = host.wait_for_connections(1) && broker.publish("sensors/a/t", "2") && host.wait_for_offers(1);
    kill(getpid(), fine ? SIGKILL : SIGTERM);  // in the middle of the callback
  }
  int status = 0;
  waitpid(child, &status, 0);
  ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);

  RecordingHost host;
  const auto source = make_mqtt_source(options_for(broker.uri(), 3), SourceId{0}, host);
  source->start();
  ASSERT_TRUE(host.wait_for_readings(1));
  source->stop();
}

TEST(MqttSource, retained_messages_are_ignored_unless_asked_for) {
  const MosquittoServer broker;
  ASSERT_TRUE(broker.publish("sensors/old/t", "1", {"-r"}));
  for (const int protocol : {3, 5}) {
    for (const bool use : {false, true}) {
      RecordingHost host;
      MqttOptions options = options_for(broker.uri(), protocol);
      options.client_id += std::to_string(protocol) + (use ? "use" : "ignore");
      options.use_retained = use;
      const auto source = make_mqtt_source(options, SourceId{0}, host);
      source->start();
      ASSERT_TRUE(host.wait_for_connections(1));
      ASSERT_TRUE(broker.publish("sensors/new/t", "2"));
      ASSERT_TRUE(host.wait_for_readings(use ? 2 : 1));
      EXPECT_EQ(host.readings().size(), use ? 2U : 1U) << "protocol " << protocol;
      EXPECT_THAT(host.readings(), Contains(RecordedReading{"new", "t", 2}));
      source->stop();
    }
  }
}

TEST(MqttSource, comes_back_and_subscribes_again_after_the_broker_was_killed) {
  MosquittoServer broker;
  RecordingHost host;
  const auto source = make_mqtt_source(options_for(broker.uri()), SourceId{0}, host);
  source->start();
  ASSERT_TRUE(host.wait_for_connections(1));
  broker.kill();
  ASSERT_TRUE(host.wait_for_disconnects(1));
  broker.start();
  ASSERT_TRUE(host.wait_for_connections(2));
  ASSERT_TRUE(broker.publish("sensors/a/t", "3"));
  ASSERT_TRUE(host.wait_for_readings(1));
  EXPECT_THAT(host.notices(), Contains(HasSubstr("forgotten our session")));
  source->stop();
}

TEST(MqttSource, takes_the_next_server_when_one_is_away) {
  const MosquittoServer broker;
  RecordingHost host;
  MqttOptions options = options_for(tcp_uri(free_port()));
  options.servers.push_back(broker.uri());
  const auto source = make_mqtt_source(options, SourceId{0}, host);
  source->start();
  EXPECT_TRUE(host.wait_for_connections(1));
  source->stop();
}

TEST(MqttSource, poison_and_oversize_payloads_are_acknowledged_and_counted) {
  const MosquittoServer broker;
  RecordingHost host;
  const auto source = make_mqtt_source(options_for(broker.uri(), 3), SourceId{0}, host);
  source->start();
  ASSERT_TRUE(host.wait_for_connections(1));
  ASSERT_TRUE(broker.publish("sensors/a/t", "no number"));
  const std::string large = broker.folder().write("large", std::string(payload_bytes_max + 1, '1'));
  ASSERT_EQ(
      run_program({"mosquitto_pub", "-p", std::to_string(broker.port()), "-q", "1", "-t", "sensors/a/t", "-f", large}),
      0);
  ASSERT_TRUE(broker.publish("sensors/a/t", "4"));
  ASSERT_TRUE(host.wait_for_readings(1));
  EXPECT_THAT(host.refusals(), ElementsAre(Refusal::bad_number, Refusal::too_large));
  source->stop();
}

TEST(MqttSource, password_is_needed_and_used) {
  const TemporaryFolder folder;
  ASSERT_EQ(run_program({"mosquitto_passwd", "-b", "-c", folder / "pw", "user", "secret"}), 0);
  MosquittoServer broker("allow_anonymous false\npassword_file " + (folder / "pw") + "\n");
  for (const char* password : {"wrong", "secret"}) {
    RecordingHost host;
    MqttOptions options = options_for(broker.uri());
    options.username = "user";
    options.password = password;
    const auto source = make_mqtt_source(options, SourceId{0}, host);
    source->start();
    if (std::string(password) == "secret") {
      EXPECT_TRUE(host.wait_for_connections(1));
    } else {
      EXPECT_TRUE(host.wait_for_disconnects(2));  // tries again
      EXPECT_THAT(host.reasons().back(), testing::Not(HasSubstr("wrong")));
    }
    source->stop();
  }
}

// A broker of one connection that accepts CONNECT (3.1.1) and answers SUBSCRIBE with `code`.
void serve_one_subscriber(int listener, char code) {
  const int peer = accept(listener, nullptr, nullptr);
  char packet[512];
  recv(peer, packet, sizeof packet, 0);
  send(peer, "\x20\x02\x00\x00", 4, MSG_NOSIGNAL);
  if (recv(peer, packet, sizeof packet, 0) > 4) {
    const char suback[] = {'\x90', 3, packet[2], packet[3], code};
    send(peer, suback, sizeof suback, MSG_NOSIGNAL);
  }
  while (recv(peer, packet, sizeof packet, 0) > 0) {
  }
  close(peer);
}

TEST(MqttSource, refused_or_downgraded_subscription_is_a_failure_that_is_reported) {
  const std::pair<char, const char*> cases[] = {{'\x80', "subscribe: MQTT error [128]"},
                                                {'\0', "subscription to 'sensors/+/+' was granted at a lower QoS"}};
  for (const auto& [code, words] : cases) {
    const int listener = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address = loopback(0);
    socklen_t length = sizeof address;
    bind(listener, reinterpret_cast<sockaddr*>(&address), length);
    getsockname(listener, reinterpret_cast<sockaddr*>(&address), &length);
    listen(listener, 5);
    std::thread broker(serve_one_subscriber, listener, code);
    RecordingHost host;
    const auto source = make_mqtt_source(options_for(tcp_uri(ntohs(address.sin_port)), 3), SourceId{0}, host);
    source->start();
    EXPECT_TRUE(host.wait_for_disconnects(1));
    EXPECT_THAT(host.reasons(), Contains(HasSubstr(words)));
    close(listener);
    broker.join();
    source->stop();
  }
}

// A CA, and a certificate for the name or address in `subject_alternative_name`.
void make_certificates(const TemporaryFolder& folder, const std::string& subject_alternative_name) {
  folder.write("ext", "subjectAltName=" + subject_alternative_name + "\n");
  const std::vector<std::string> key = {"-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"};
  const auto openssl = [&](std::vector<std::string> arguments, bool with_key) {
    arguments.insert(arguments.begin(), "openssl");
    if (with_key) arguments.insert(arguments.end(), key.begin(), key.end());
    ASSERT_EQ(run_program(arguments), 0) << arguments[1];
  };
  openssl({"req", "-x509", "-days", "2", "-subj", "/CN=test-ca", "-keyout", folder / "ca.key", "-out",
           folder / "ca.crt", "-addext", "basicConstraints=critical,CA:TRUE"},
          true);
  openssl({"req", "-subj", "/CN=broker", "-keyout", folder / "s.key", "-out", folder / "s.csr"}, true);
  openssl({"x509", "-req", "-in", folder / "s.csr", "-CA", folder / "ca.crt", "-CAkey", folder / "ca.key",
           "-CAcreateserial", "-days", "2", "-extfile", folder / "ext", "-out", folder / "s.crt"},
          false);
}

TEST(MqttSource, tls_checks_the_chain_and_the_host_name) {
  struct Case {
    const char* names;
    bool own_ca;
    bool accepted;
  };
  const Case cases[] = {{"DNS:localhost,IP:127.0.0.1", true, true},
                        {"DNS:elsewhere.example", true, false},
                        {"DNS:localhost,IP:127.0.0.1", false, false}};
  for (const Case& c : cases) {
    const TemporaryFolder folder, other;
    make_certificates(folder, c.names);
    make_certificates(other, c.names);
    MosquittoServer broker("allow_anonymous true\ncertfile " + (folder / "s.crt") + "\nkeyfile " + (folder / "s.key") +
                           "\ncafile " + (folder / "ca.crt") + "\n");
    RecordingHost host;
    MqttOptions options = options_for(broker.uri("mqtts", "localhost"));
    options.tls.ca = (c.own_ca ? folder : other) / "ca.crt";
    const auto source = make_mqtt_source(options, SourceId{0}, host);
    source->start();
    if (c.accepted) {
      EXPECT_TRUE(host.wait_for_connections(1)) << c.names;
    } else {
      EXPECT_TRUE(host.wait_for_disconnects(1)) << c.names;
      EXPECT_FALSE(host.is_connected()) << c.names;
    }
    source->stop();
  }
}

TEST(MqttSource, servers_that_are_not_safe_or_make_no_sense_are_refused_at_once) {
  RecordingHost host;
  for (const char* uri :
       {"mqtt://broker.example:1883", "ws://10.0.0.1:80", "localhost:1883", "http://localhost:1883"}) {
    EXPECT_THROW(make_mqtt_source(options_for(uri), SourceId{0}, host), std::invalid_argument) << uri;
  }
  for (const char* uri :
       {"mqtt://localhost:1883", "mqtt://127.0.0.1:1883", "mqtt://[::1]:1883", "mqtts://broker.example:8883"}) {
    EXPECT_NO_THROW(make_mqtt_source(options_for(uri), SourceId{0}, host)) << uri;
  }
  MqttOptions allowed = options_for("mqtt://broker.example:1883");
  allowed.allow_plaintext = true;
  EXPECT_NO_THROW(make_mqtt_source(allowed, SourceId{0}, host));
}

}  // namespace
}  // namespace edgetide::test
