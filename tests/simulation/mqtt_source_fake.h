// What daemon/sources/mqtt_source.cpp does for the intake, without a library and a thread: it notes its session before
// each connection and again if the broker knew of none, reads one message at a time, and acknowledges each when it is
// durable. It lives over all runs of the daemon, as the broker and the network at its other end do.
//
// Thread: one.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "daemon/decoders/message_fingerprint.h"
#include "daemon/intake/intake.h"
#include "daemon/sources/source.h"
#include "tests/simulation/broker_fake.h"
#include "tests/simulation/link_fake.h"

namespace edgetide::test {

class MqttSourceFake final : public SourceEvents {
 public:
  // `shows_life`: as a transport that the kernel knows does.
  MqttSourceFake(std::string name, BrokerFake broker_at, std::uint32_t in_flight, const Clock& clock,
                 bool shows_life = true)
      : broker(std::move(broker_at)),
        name_(std::move(name)),
        session_(name_ + "@broker"),
        in_flight_(in_flight),
        clock_(clock),
        shows_life_(shows_life) {}

  BrokerFake broker;
  LinkFake link;

  bool shows_life() const noexcept { return shows_life_; }

  void start(Intake& intake) {
    intake_ = &intake;
    id_ = intake.source_id(name_);
    durable_ = 0;
    intake.attach(id_, *this);
  }
  // The daemon has died.
  void forget_intake() {
    intake_ = nullptr;
    lose_link();
  }
  // False: not this time.
  bool connect() {
    const std::string notes = intake_->session_notes(session_).value_or(std::string());
    if (!begin_session({.name = session_, .notes = notes})) return false;
    if (!broker.connect() && !begin_session({.name = session_, .is_new = true, .is_lost = !notes.empty(), .notes = {}}))
      return false;
    if (!begin_session({.name = session_, .notes = "subscribed"})) return false;
    broker.subscribe();
    link.open(clock_.now().running);
    intake_->connected(id_, "broker");
    return true;
  }
  void cut() {
    intake_->disconnected(id_, "cut");
    lose_link();
  }

  // Reads at most so many of the messages that have arrived.
  void read(std::size_t most) {
    for (; most > 0 && link.next() != nullptr && take(*link.next()); --most) link.acknowledge_next();
  }

  void room_available() noexcept override {}
  void durable(std::uint64_t through) noexcept override { durable_ = std::max(durable_, through); }
  void set_blocking(bool) noexcept override {}
  std::optional<Liveness> liveness(SourceId) noexcept override {
    if (!shows_life_ || !link.is_open()) return std::nullopt;
    return link.liveness(clock_.now().running);
  }

 private:
  bool begin_session(SourceSession session) {
    session.in_flight = in_flight_;
    return intake_->begin_session(id_, session);
  }
  void lose_link() {
    link.cut();
    awaited_.reset();
  }

  // True: it may be acknowledged.
  bool take(const BrokerFake::Message& message) {
    if (!awaited_) {
      const SentReading& reading = message.reading;
      const std::string text = reading.text();
      batch_.clear();
      batch_.readings.push_back({reading.sensor, "t", "", reading.time, reading.value, 0, 0});
      batch_.end_message(message_fingerprint(message.packet_id, "plant", text), message.again);
      const Acceptance acceptance = intake_->try_accept(id_, batch_);
      if (!acceptance.is_taken()) return false;
      awaited_ = acceptance.record;
    }
    if (durable_ < *awaited_) return false;
    awaited_.reset();
    return true;
  }

  const std::string name_;
  const std::string session_;
  const std::uint32_t in_flight_;
  const Clock& clock_;
  const bool shows_life_;
  Intake* intake_ = nullptr;
  SourceId id_{};
  DecodedBatch batch_;
  std::optional<std::uint64_t> awaited_;  // the next message is taken, and waits for this record
  std::uint64_t durable_ = 0;
};

}  // namespace edgetide::test
