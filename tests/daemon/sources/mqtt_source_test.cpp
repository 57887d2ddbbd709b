#include "daemon/sources/mqtt_source.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include "daemon/decoders/number_decoder.h"
#include "tests/fakes/learning_decoder.h"
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
  route.mapping.format = &number_format;
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

TEST(MqttSource, every_route_is_subscribed_to) {
  for (const int protocol : {3, 5}) {
    const MosquittoServer broker;
    RecordingHost host;
    MqttOptions options = options_for(broker.uri(), protocol);
    for (const char* topic : {"plant/{device}/{metric}", "site/+/{device}/{metric}"}) {
      options.routes.push_back(options.routes.front());
      options.routes.back().topic = topic;
    }
    const auto source = make_mqtt_source(options, SourceId{0}, host);
    source->start();
    ASSERT_TRUE(host.wait_for_connections(1)) << "protocol " << protocol;
    for (const char* topic : {"sensors/a/t", "plant/b/t", "site/1/c/t"}) ASSERT_TRUE(broker.publish(topic, "1"));
    ASSERT_TRUE(host.wait_for_readings(3));
    EXPECT_THAT(host.readings(),
                ElementsAre(RecordedReading{"a", "t", 1}, RecordedReading{"b", "t", 1}, RecordedReading{"c", "t", 1}));
    source->stop();
  }
}

TEST(MqttSource, messages_that_were_not_accepted_are_delivered_again_to_the_next_client) {
  for (const int protocol : {3, 5}) {
    const MosquittoServer broker;
    {
      RecordingHost host;
      host.accept_from_now_on(false);
      const auto source = make_mqtt_source(options_for(broker.uri(), protocol), SourceId{0}, host);
      source->start();
      ASSERT_TRUE(host.wait_for_connections(1));
      for (const char* value : {"1", "2", "3"}) ASSERT_TRUE(broker.publish("sensors/a/t", value));
      ASSERT_TRUE(host.wait_for_offers(1));
      source->stop();
    }
    RecordingHost host;
    const auto source = make_mqtt_source(options_for(broker.uri(), protocol), SourceId{0}, host);
    source->start();
    ASSERT_TRUE(host.wait_for_readings(3)) << "protocol " << protocol;
    EXPECT_THAT(host.readings(),
                ElementsAre(RecordedReading{"a", "t", 1}, RecordedReading{"a", "t", 2}, RecordedReading{"a", "t", 3}));
    source->stop();
  }
}

TEST(MqttSource, message_is_not_acknowledged_while_the_host_holds_it_back) {
  const MosquittoServer broker;
  RecordingHost host;
  host.hold(true);
  const auto source = make_mqtt_source(options_for(broker.uri(), 3), SourceId{0}, host);
  source->start();
  ASSERT_TRUE(host.wait_for_connections(1) && broker.publish("sensors/a/t", "2") && host.wait_for_offers(1));
  // Another client takes the session over: it is given what the first has not acknowledged.
  EXPECT_EQ(run_program({"mosquitto_sub", "-p", std::to_string(broker.port()), "-V", "mqttv311", "-i", "edgetide-test",
                         "-c", "-q", "1", "-t", "sensors/+/+", "-C", "1", "-W", "60"}),
            0);
  host.hold(false);
  source->stop();
}

TEST(MqttSource, stop_ends_though_a_message_is_refused_only_after_it_began) {
  const MosquittoServer broker;
  RecordingHost host;
  host.hold(true);
  const auto source = make_mqtt_source(options_for(broker.uri()), SourceId{0}, host);
  source->start();
  ASSERT_TRUE(host.wait_for_connections(1) && broker.publish("sensors/a/t", "1") && host.wait_for_offers(1));
  std::thread stopping([&] { source->stop(); });
  host.accept_from_now_on(false);
  host.hold(false);
  stopping.join();
  EXPECT_TRUE(host.readings().empty());
}

TEST(MqttSource, refused_message_of_one_source_leaves_the_other_connected) {
  const MosquittoServer broker;
  RecordingHost refusing, taking;
  refusing.accept_from_now_on(false);
  MqttOptions options = options_for(broker.uri());
  const auto first = make_mqtt_source(options, SourceId{0}, refusing);
  options.client_id += "-2";
  const auto second = make_mqtt_source(options, SourceId{1}, taking);
  first->start();
  second->start();
  ASSERT_TRUE(refusing.wait_for_connections(1) && taking.wait_for_connections(1));
  ASSERT_TRUE(broker.publish("sensors/a/t", "1") && refusing.wait_for_disconnects(1));
  ASSERT_TRUE(broker.publish("sensors/a/t", "2") && taking.wait_for_readings(2));
  EXPECT_TRUE(taking.reasons().empty());
  first->stop();
  second->stop();
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

TEST(MqttSource, user_properties_and_content_type_can_name_the_sensor) {
  const MosquittoServer broker;
  RecordingHost host;
  MqttOptions options = options_for(broker.uri());
  options.routes[0].mapping.sensor = "{message.property.room}-{message.content_type}";
  const auto source = make_mqtt_source(options, SourceId{0}, host);
  source->start();
  ASSERT_TRUE(host.wait_for_connections(1));
  ASSERT_TRUE(broker.publish(
      "sensors/a/t", "1",
      {"-V", "mqttv5", "-D", "publish", "user-property", "room", "hall", "-D", "publish", "content-type", "text"}));
  ASSERT_TRUE(broker.publish("sensors/a/t", "2"));
  ASSERT_TRUE(host.wait_for_readings(1) && host.wait_for_refusals(1));
  EXPECT_THAT(host.readings(), ElementsAre(RecordedReading{"hall-text", "t", 1}));
  source->stop();
}

TEST(MqttSource, what_a_decoder_asks_for_is_published_and_what_it_knew_is_given_back) {
  const MosquittoServer broker;
  RecordingHost host;
  MqttOptions options = options_for(broker.uri());
  options.routes[0].mapping.format = &learning_format;
  options.routes.push_back({"who", options_for("").routes[0].mapping});  // the reply comes back to us
  options.routes[1].mapping.sensor = "asked";
  options.routes.push_back(options.routes[0]);
  options.routes[2].topic = "known/{device}";
  host.know({{decoder_state_mark + std::string("known/{device}"), "cellar"}});
  const auto source = make_mqtt_source(options, SourceId{0}, host);
  source->start();
  ASSERT_TRUE(host.wait_for_connections(1));
  ASSERT_TRUE(broker.publish("sensors/a/t", "1") && host.wait_for_readings(1));
  ASSERT_TRUE(broker.publish("known/a", "2") && host.wait_for_readings(2));
  EXPECT_THAT(host.readings(),
              ElementsAre(RecordedReading{"asked", "value", 1}, RecordedReading{"cellar", "value", 2}));
  EXPECT_THAT(host.refusals(), ElementsAre(Refusal::bad_id));
  source->stop();
}

TEST(MqttSource, shared_subscription_divides_the_messages_among_the_sources_of_a_group) {
  for (const int protocol : {3, 5}) {
    const MosquittoServer broker;
    RecordingHost one_host, other_host;
    MqttOptions options = options_for(broker.uri(), protocol);
    options.share = "gateways";
    const auto one = make_mqtt_source(options, SourceId{0}, one_host);
    options.client_id += "-2";
    const auto other = make_mqtt_source(options, SourceId{0}, other_host);
    one->start();
    other->start();
    ASSERT_TRUE(one_host.wait_for_connections(1) && other_host.wait_for_connections(1)) << "protocol " << protocol;
    for (int value = 0; value < 10; ++value) ASSERT_TRUE(broker.publish("sensors/a/t", std::to_string(value)));
    ASSERT_TRUE(one_host.wait_for_readings(5) && other_host.wait_for_readings(5)) << "protocol " << protocol;
    std::vector<double> values;
    for (RecordingHost* host : {&one_host, &other_host}) {
      for (const RecordedReading& reading : host->readings()) values.push_back(reading.value);
    }
    EXPECT_THAT(values, testing::UnorderedElementsAre(0, 1, 2, 3, 4, 5, 6, 7, 8, 9)) << "protocol " << protocol;
    one->stop();
    other->stop();
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
  const std::string large = broker.folder().write("large", std::string(max_payload_bytes + 1, '1'));
  ASSERT_EQ(
      run_program({"mosquitto_pub", "-p", std::to_string(broker.port()), "-q", "1", "-t", "sensors/a/t", "-f", large}),
      0);
  ASSERT_TRUE(broker.publish("sensors/a/t", "4"));
  ASSERT_TRUE(host.wait_for_readings(1));
  EXPECT_THAT(host.refusals(), ElementsAre(Refusal::bad_number, Refusal::too_large));
  source->stop();
}

TEST(MqttSource, messages_of_which_nothing_comes_are_counted) {
  for (const int protocol : {3, 5}) {
    const MosquittoServer broker;
    RecordingHost host;
    MqttOptions options = options_for(broker.uri(), protocol);
    options.routes[0].mapping.format = &json_format;
    const auto source = make_mqtt_source(options, SourceId{0}, host);
    source->start();
    ASSERT_TRUE(host.wait_for_connections(1));
    for (const char* payload : {R"({"w":"only words"})", R"({"t":null})", R"({"t":1e999})", R"({"t":1})"}) {
      ASSERT_TRUE(broker.publish("sensors/a/t", payload));
    }
    ASSERT_TRUE(host.wait_for_readings(1));
    EXPECT_TRUE(host.wait_for_without_reading(
        {{"sensors/{device}/{metric} no_value", 2}, {"sensors/{device}/{metric} not_finite", 1}}));
    source->stop();
  }
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

// A broker of one connection that accepts CONNECT and answers each SUBSCRIBE with the next of `codes`.
void serve_one_subscriber(int listener, int protocol, std::string codes) {
  const int peer = accept(listener, nullptr, nullptr);
  char packet[512];
  recv(peer, packet, sizeof packet, 0);
  const std::string connack = protocol == 5 ? std::string("\x20\x03\0\0\0", 5) : std::string("\x20\x02\0\0", 4);
  send(peer, connack.data(), connack.size(), MSG_NOSIGNAL);
  for (const char code : codes) {
    if (recv(peer, packet, sizeof packet, 0) <= 4) break;
    const std::string body = std::string(packet + 2, 2) + (protocol == 5 ? std::string(1, '\0') : "") + code;
    const std::string suback = std::string("\x90") + static_cast<char>(body.size()) + body;
    send(peer, suback.data(), suback.size(), MSG_NOSIGNAL);
  }
  while (recv(peer, packet, sizeof packet, 0) > 0) {
  }
  close(peer);
}

TEST(MqttSource, refused_or_downgraded_subscription_is_a_failure_that_is_reported) {
  struct Case {
    int protocol;
    std::string codes;  // one a route
    const char* words;
  };
  const Case cases[] = {
      {3, "\x80", "subscription to 'sensors/+/+': MQTT error [128]"},
      {3, std::string(1, '\0'), "subscription to 'sensors/+/+' was granted at another QoS, 0"},
      {5, "\x87", "subscription to 'sensors/+/+': "},
      {5, std::string(1, '\0'), "subscription to 'sensors/+/+' was granted at another QoS, 0"},
      {5, "\x01\x87", "subscription to 'zone/1': "},
  };
  for (const Case& c : cases) {
    const int listener = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address = loopback(0);
    socklen_t length = sizeof address;
    bind(listener, reinterpret_cast<sockaddr*>(&address), length);
    getsockname(listener, reinterpret_cast<sockaddr*>(&address), &length);
    listen(listener, 5);
    std::thread broker(serve_one_subscriber, listener, c.protocol, c.codes);
    RecordingHost host;
    MqttOptions options = options_for(tcp_uri(ntohs(address.sin_port)), c.protocol);
    for (std::size_t more = 1; more < c.codes.size(); ++more) {
      options.routes.push_back(options.routes.front());
      options.routes.back().topic = "zone/" + std::to_string(more);
      options.routes.back().mapping.sensor = "s";
    }
    const auto source = make_mqtt_source(options, SourceId{0}, host);
    source->start();
    EXPECT_TRUE(host.wait_for_disconnects(1)) << c.words;
    EXPECT_THAT(host.reasons(), Contains(HasSubstr(c.words)));
    EXPECT_FALSE(host.is_connected()) << c.words;
    close(listener);
    broker.join();
    source->stop();
  }
}

// A CA, and a certificate for the name or address in `subject_alternative_name`.
void make_certificates(const TemporaryFolder& folder, const std::string& subject_alternative_name,
                       const std::vector<std::string>& key = {"-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                                                              "-nodes"}) {
  folder.write("ext", "subjectAltName=" + subject_alternative_name + "\n");
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

TEST(MqttSource, each_failure_of_a_connect_is_said_in_words) {
  const TemporaryFolder folder, other;
  make_certificates(folder, "DNS:localhost");
  make_certificates(other, "DNS:localhost");
  ASSERT_EQ(run_program({"mosquitto_passwd", "-b", "-c", folder / "pw", "user", "secret"}), 0);
  const MosquittoServer plain("allow_anonymous false\npassword_file " + (folder / "pw") + "\n");
  const MosquittoServer tls("allow_anonymous true\ncertfile " + (folder / "s.crt") + "\nkeyfile " + (folder / "s.key") +
                            "\n");
  const MosquittoServer strict("allow_anonymous true\nrequire_certificate true\ncafile " + (folder / "ca.crt") +
                               "\ncertfile " + (folder / "s.crt") + "\nkeyfile " + (folder / "s.key") + "\n");
  const std::string own = folder / "ca.crt";
  struct Case {
    std::string server;
    std::string ca;
    int protocol;
    const char* words;
  };
  const Case cases[] = {
      {tcp_uri(free_port()), "", 5, "connect: Connection refused"},
      {"mqtts://nosuchhost.invalid:8883", "", 5, "connect: unknown host nosuchhost.invalid ("},
      {tls.uri("mqtts", "localhost"), other / "ca.crt", 5, "connect: the server's certificate is not trusted ("},
      {tls.uri("mqtts", "localhost"), "", 3, "connect: the server's certificate is not trusted ("},
      {tls.uri("mqtts", "127.0.0.1"), own, 5, "connect: the server's certificate is for another name than 127.0.0.1"},
      {strict.uri("mqtts", "localhost"), own, 5, "client certificate, set cert and key in tls"},
      {plain.uri("mqtts", "localhost"), own, 5,
       "connect: the TLS handshake failed; a port without TLS is written mqtt:"},
      {tls.uri(), "", 5, "a port with TLS is written mqtts://"},
      {tls.uri(), "", 3, "a port with TLS is written mqtts://"},
      {plain.uri(), "", 5, "connect: the broker refuses: not authorized (135); check username"},
      {plain.uri(), "", 3, "connect: the broker refuses: not authorized (5); check username"},
  };
  for (const Case& c : cases) {
    RecordingHost host;
    MqttOptions options = options_for(c.server, c.protocol);
    options.tls.ca = c.ca;
    options.username = "user";
    options.password = "false";
    const auto source = make_mqtt_source(options, SourceId{0}, host);
    source->start();
    ASSERT_TRUE(host.wait_for_disconnects(2)) << c.server;
    EXPECT_THAT(host.reasons(), testing::Each(HasSubstr(c.words))) << c.server << " protocol " << c.protocol;
    source->stop();
  }
}

// The library by itself takes RSA keys of 1024 bits, which the system's default refuses.
TEST(MqttSource, short_rsa_keys_are_refused) {
  for (const auto& [bits, accepted] : {std::pair{"rsa:2048", true}, {"rsa:1024", false}}) {
    const TemporaryFolder folder;
    make_certificates(folder, "DNS:localhost,IP:127.0.0.1", {"-newkey", bits, "-nodes"});
    MosquittoServer broker("allow_anonymous true\nciphers DEFAULT:@SECLEVEL=0\ntls_version tlsv1.2\ncertfile " +
                           (folder / "s.crt") + "\nkeyfile " + (folder / "s.key") + "\n");
    RecordingHost host;
    MqttOptions options = options_for(broker.uri("mqtts", "localhost"));
    options.tls.ca = folder / "ca.crt";
    const auto source = make_mqtt_source(options, SourceId{0}, host);
    source->start();
    EXPECT_TRUE(accepted ? host.wait_for_connections(1) : host.wait_for_disconnects(1)) << bits;
    EXPECT_EQ(host.is_connected(), accepted) << bits;
    source->stop();
  }
}

TEST(MqttSource, certificate_file_that_is_not_regular_fails_at_start) {
  RecordingHost host;
  MqttOptions options = options_for("mqtts://127.0.0.1:8883");
  const TemporaryFolder folder;
  ASSERT_EQ(mkfifo((folder / "ca.crt").c_str(), 0600), 0);
  for (const std::string& file : {folder / "ca.crt", std::string("/dev/zero")}) {
    options.tls.ca = file;
    const auto source = make_mqtt_source(options, SourceId{0}, host);
    EXPECT_THROW(source->start(), std::runtime_error) << file;
    source->stop();
  }
}

TEST(MqttSource, servers_that_are_not_safe_or_make_no_sense_are_refused_at_once) {
  RecordingHost host;
  for (const char* uri :
       {"mqtt://broker.example:1883", "ws://10.0.0.1:80", "localhost:1883", "http://localhost:1883",
        "mqtt://127.evil.example:1883", "mqtt://localhost.evil.example", "mqtts://user:secret@broker.example:8883"}) {
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

TEST(MqttSource, certificate_that_cannot_be_read_fails_at_start) {
  RecordingHost host;
  MqttOptions options = options_for("mqtts://127.0.0.1:8883");
  options.tls.ca = "/nonexistent/ca.crt";
  const auto source = make_mqtt_source(options, SourceId{0}, host);
  EXPECT_THROW(source->start(), std::runtime_error);
  source->stop();
}

}  // namespace
}  // namespace edgetide::test
