// A SourceHost that records what it is given; a test can make it hold readings back or refuse them.
//
// Thread: any; `wait_until` waits for a condition with a generous deadline.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "daemon/sources/source.h"

namespace edgetide::test {

struct RecordedReading {
  std::string sensor;
  std::string metric;
  double value = 0;
  bool operator==(const RecordedReading&) const = default;
};

class RecordingHost final : public SourceHost {
 public:
  Acceptance try_accept(SourceId, const DecodedBatch& batch) noexcept override {
    const std::lock_guard lock(mutex_);
    ++offered_;
    changed_.notify_all();
    if (holding_) return {Acceptance::Answer::held, 0};
    if (!accepting_) return {Acceptance::Answer::closed, 0};
    for (const DecodedReading& reading : batch.readings) {
      readings_.push_back({std::string(reading.sensor), std::string(reading.metric), reading.value});
      times_.push_back(reading.event_time.value_or(Timestamp::earliest()));
    }
    for (const DecodedRefusal& refusal : batch.refusals) {
      refusals_.push_back(refusal.reason);
      places_.push_back(std::string(refusal.where) + '@' + std::to_string(refusal.offset));
    }
    note_without_reading(batch);
    for (const DecodedMessage& message : batch.messages) {
      if (message.position) note_position(*message.position);
      if (message.fingerprint) fingerprints_.push_back(*message.fingerprint);
    }
    for (const Position& state : batch.states) note_position(state);
    changed_.notify_all();
    return {Acceptance::Answer::taken, syncing_ ? ++record_ : 0};
  }
  void nothing_decoded(SourceId, const DecodedBatch& batch) noexcept override {
    change([&] { note_without_reading(batch); });
  }
  void attach(SourceId source, SourceEvents& events) noexcept override {
    const std::lock_guard lock(listeners_mutex_);
    listeners_[source] = &events;
    if (when_attached_) when_attached_(events);
  }
  void detach(SourceId source) noexcept override {
    const std::lock_guard lock(listeners_mutex_);
    listeners_.erase(source);
  }
  std::vector<StoredPosition> positions(SourceId) const override {
    const std::lock_guard lock(mutex_);
    return known_positions_;
  }
  bool begin_session(SourceId, const SourceSession& session) noexcept override {
    change([&] { notes_[std::string(session.name)] = session.notes; });
    return true;
  }
  std::optional<std::string> session_notes(std::string_view session) const override {
    const std::lock_guard lock(mutex_);
    const auto found = notes_.find(session);
    return found == notes_.end() ? std::nullopt : std::optional(found->second);
  }
  std::vector<std::uint64_t> recent_messages(SourceId) const override {
    const std::lock_guard lock(mutex_);
    return fingerprints_;
  }
  void connected(SourceId, std::string_view) noexcept override {
    change([&] { connected_ = true, ++connections_; });
  }
  void disconnected(SourceId, std::string_view reason) noexcept override {
    change([&] { connected_ = false, reasons_.emplace_back(reason); });
  }
  void impaired(SourceId, std::string_view reason) noexcept override {
    change([&] { impairment_ = reason; });
  }
  void notice(SourceId, std::string_view text) noexcept override {
    change([&] { notices_.emplace_back(text); });
  }
  void turned_away(SourceId, TurnedAway why) noexcept override {
    change([&] { ++turned_away_[static_cast<std::size_t>(why)]; });
  }

  void hold(bool holding) {
    change([&] { holding_ = holding; });
    if (!holding) each_listener([](SourceEvents& events) { events.room_available(); });
  }
  void when_attached(std::function<void(SourceEvents&)> tell) { when_attached_ = std::move(tell); }
  // Before a source starts.
  void know(std::vector<StoredPosition> positions) {
    change([&] { known_positions_ = std::move(positions); });
  }
  // What is taken from now on is durable when `sync` says so.
  void need_sync() {
    change([&] { syncing_ = true; });
  }
  void sync() {
    const std::uint64_t through = copy(record_);
    each_listener([&](SourceEvents& events) { events.durable(through); });
  }
  void accept_from_now_on(bool accepting) {
    change([&] { accepting_ = accepting; });
  }

  template <typename Condition>
  bool wait_until(Condition&& condition) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(60), [&] { return condition(*this); });
  }
  bool wait_for_readings(std::size_t count) {
    return wait_until([&](const RecordingHost& host) { return host.readings_.size() >= count; });
  }
  bool readings_within(std::size_t count, std::chrono::milliseconds patience) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, patience, [&] { return readings_.size() >= count; });
  }
  bool wait_for_refusals(std::size_t count) {
    return wait_until([&](const RecordingHost& host) { return host.refusals_.size() >= count; });
  }
  bool wait_for_connections(int count) {
    return wait_until([&](const RecordingHost& host) { return host.connections_ >= count && host.connected_; });
  }
  bool wait_for_disconnects(std::size_t count) {
    return wait_until([&](const RecordingHost& host) { return host.reasons_.size() >= count; });
  }
  int offers() const {
    const std::lock_guard lock(mutex_);
    return offered_;
  }
  bool wait_for_offers(int count) {
    return wait_until([&](const RecordingHost& host) { return host.offered_ >= count; });
  }

  // In a condition of wait_until.
  std::size_t notice_count() const { return notices_.size(); }
  std::uint64_t record() const { return record_; }
  bool has_problem(std::string_view part) const {
    return part.empty() ? impairment_.empty() : impairment_.find(part) != std::string::npos;
  }

  // What the only source shows.
  FileCounts files() {
    FileCounts counts;
    each_listener([&](SourceEvents& events) { counts = events.files(SourceId{0}).value_or(FileCounts()); });
    return counts;
  }
  std::optional<Liveness> liveness() {
    std::optional<Liveness> life;
    each_listener([&](SourceEvents& events) { life = events.liveness(SourceId{0}); });
    return life;
  }

  std::string impairment() { return copy(impairment_); }
  bool is_connected() { return copy(connected_); }
  std::vector<RecordedReading> readings() { return copy(readings_); }
  std::vector<Timestamp> times() { return copy(times_); }  // of the readings; earliest: none
  std::vector<Refusal> refusals() { return copy(refusals_); }
  std::vector<std::string> refusal_places() { return copy(places_); }
  bool wait_for_without_reading(const std::map<std::string, std::uint64_t>& counts) {
    return wait_until([&](const RecordingHost& host) { return host.without_reading_ == counts; });
  }
  std::vector<std::string> reasons() { return copy(reasons_); }
  std::vector<std::string> notices() { return copy(notices_); }
  TurnedAwayCounts turned_away() { return copy(turned_away_); }

 private:
  void note_without_reading(const DecodedBatch& batch) {
    for (const MessagesWithoutReading& some : batch.without_reading) {
      without_reading_[std::string(some.route) + ' ' + std::string(name_of(some.reason))] += some.messages;
    }
  }
  void note_position(const Position& position) {
    for (StoredPosition& known : known_positions_) {
      if (known.partition != position.partition) continue;
      known.bytes = position.bytes;
      return;
    }
    known_positions_.push_back({std::string(position.partition), std::string(position.bytes)});
  }
  template <typename Tell>
  void each_listener(Tell&& tell) {
    const std::lock_guard lock(listeners_mutex_);
    for (const auto& [source, events] : listeners_) tell(*events);
  }
  template <typename Change>
  void change(Change&& apply) noexcept {
    const std::lock_guard lock(mutex_);
    apply();
    changed_.notify_all();
  }
  template <typename Value>
  Value copy(const Value& value) {
    const std::lock_guard lock(mutex_);
    return value;
  }

  std::mutex listeners_mutex_;
  std::map<SourceId, SourceEvents*> listeners_;  // guarded by listeners_mutex_
  std::function<void(SourceEvents&)> when_attached_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<StoredPosition> known_positions_;
  std::map<std::string, std::string, std::less<>> notes_;  // by session
  std::vector<std::uint64_t> fingerprints_;                // of messages that were taken
  bool holding_ = false;
  bool syncing_ = false;
  std::uint64_t record_ = 0;
  bool accepting_ = true;
  bool connected_ = false;
  int connections_ = 0;
  int offered_ = 0;
  std::vector<RecordedReading> readings_;
  std::vector<Timestamp> times_;
  std::vector<Refusal> refusals_;
  std::map<std::string, std::uint64_t> without_reading_;  // messages by "route reason"
  std::vector<std::string> places_;                       // of them: "where@offset"
  std::vector<std::string> reasons_;
  std::vector<std::string> notices_;
  TurnedAwayCounts turned_away_{};
  std::string impairment_;
};

}  // namespace edgetide::test
