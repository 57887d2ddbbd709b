#include "daemon/intake/message_memory.h"

#include <algorithm>
#include <array>
#include <bit>

#include "daemon/decoders/message_fingerprint.h"
#include "daemon/intake/clock_hold.h"
#include "daemon/service/log.h"

namespace edgetide {

namespace {

std::uint64_t hash_of_time(Timestamp time) noexcept {
  const auto bytes = std::bit_cast<std::array<char, sizeof(std::int64_t)>>(time.count());
  return hash_of({bytes.data(), bytes.size()});
}

}  // namespace

void MessageMemory::check(const std::string& source, const DecodedBatch& batch, Moment now) {
  known_.clear();
  fingerprints_.clear();
  newest_.clear();
  new_values_.clear();
  newest_values_.clear();
  unchanged_here_ = 0;
  arrival_ = now.wall;
  for (const Position& state : batch.states) note_newest(state);
  if (!batch.messages.empty()) check_messages(source, batch, now);
  leave_out_known(source, batch);
  left_out_.clear();
  if (!known_.empty() || unchanged_here_ > 0) count_left_out(batch);
}

bool MessageMemory::is_known(const DecodedBatch& batch, std::size_t message) const noexcept {
  return message < batch.messages.size() && std::binary_search(known_.begin(), known_.end(), &batch.messages[message]);
}

// One that the peer sent again is counted as such.
void MessageMemory::count_left_out(const DecodedBatch& batch) {
  auto known = known_.begin();
  for (const DecodedMessage& message : batch.messages) {
    const bool is_known = known != known_.end() && *known == &message;
    if (is_known) ++known;
    if (message.route.data() == nullptr || message.first_reading == message.end_reading) continue;
    if (is_known && message.key && !message.redelivered) count_left_out(message.route, NoReading::repeated);
    if (!is_known && !has_new_readings(batch, message)) count_left_out(message.route, NoReading::unchanged);
  }
}

void MessageMemory::count_left_out(std::string_view route, NoReading reason) {
  const bool is_as_before =
      !left_out_.empty() && left_out_.back().route.data() == route.data() && left_out_.back().reason == reason;
  if (!is_as_before) left_out_.push_back({route, reason});
  ++left_out_.back().messages;
}

bool MessageMemory::has_new_readings(const DecodedBatch& batch, const DecodedMessage& message) const noexcept {
  const DecodedReading* const begin = batch.readings.data() + message.first_reading;
  const DecodedReading* const end = batch.readings.data() + message.end_reading;
  // The ranges follow each other in the batch, empty ones among them.
  auto range = std::upper_bound(new_readings_.begin(), new_readings_.end(), begin,
                                [](const auto* at, auto one) { return at < one.data() + one.size(); });
  while (range != new_readings_.end() && range->empty()) ++range;
  return range != new_readings_.end() && std::max(begin, range->data()) < end;
}

void MessageMemory::leave_out_known(const std::string& source, const DecodedBatch& batch) {
  new_readings_.clear();
  new_refusals_.clear();
  const std::span<const DecodedReading> readings(batch.readings);
  const std::span<const DecodedRefusal> refusals(batch.refusals);
  std::uint32_t reading = 0, refusal = 0;
  for (const DecodedMessage* const known : known_) {
    take_changed(source, batch, readings.subspan(reading, known->first_reading - reading));
    new_refusals_.push_back(refusals.subspan(refusal, known->first_refusal - refusal));
    reading = known->end_reading, refusal = known->end_refusal;
  }
  take_changed(source, batch, readings.subspan(reading));
  new_refusals_.push_back(refusals.subspan(refusal));
}

void MessageMemory::take_changed(const std::string& source, const DecodedBatch& batch,
                                 std::span<const DecodedReading> readings) {
  std::size_t taken = 0;
  for (std::size_t i = 0; i < readings.size(); ++i) {
    if (readings[i].counts == Counts::always || !is_unchanged(source, batch, readings[i])) continue;
    ++unchanged_here_;
    new_readings_.push_back(readings.subspan(taken, i - taken));
    taken = i + 1;
  }
  new_readings_.push_back(readings.subspan(taken));
}

bool MessageMemory::is_unchanged(const std::string& source, const DecodedBatch& batch, const DecodedReading& reading) {
  constexpr std::uint64_t low_48_bits = (std::uint64_t{1} << 48) - 1;
  std::uint64_t name = hash_of_names(reading.sensor, reading.metric);
  for (const LabelView& label : batch.labels_of(reading)) name ^= std::rotl(hash_of_names(label.key, label.value), 1);
  name &= low_48_bits;
  const auto bits = std::bit_cast<std::uint64_t>(reading.value);
  std::uint64_t value = (bits ^ bits >> 16) & low_48_bits;
  if (reading.counts == Counts::if_new && reading.event_time) value ^= hash_of_time(*reading.event_time);
  if (value_of(source, name) == value) return true;
  if (!may_be_refused(reading)) set_value(name, value);
  return false;
}

// For its time, by the usual limits: its value is not the one before then. At worst a repeated one counts.
bool MessageMemory::may_be_refused(const DecodedReading& reading) const noexcept {
  const TimeOptions usual;
  if (!reading.event_time || arrival_ == time_not_known) return false;
  return *reading.event_time > arrival_ + usual.max_future || *reading.event_time < arrival_ - usual.oldest;
}

// Of what was taken, and of this batch so far.
std::optional<std::uint64_t> MessageMemory::value_of(const std::string& source, std::uint64_t topic) const {
  const auto here = newest_values_.find(topic);
  return here == newest_values_.end() ? values_.find(source, topic) : here->second;
}

void MessageMemory::set_value(std::uint64_t topic, std::uint64_t value) {
  new_values_.push_back({topic, value});
  newest_values_[topic] = value;
}

// Within so much running time, so that setting the clock makes nothing older. Marked, since former versions kept the
// wall time: one of these also repeats while the clock is not set, however long ago it was.
bool MessageMemory::is_repeated(const std::string& source, const MessageKey& key, Moment now) {
  constexpr std::uint64_t of_running_time = std::uint64_t{1} << 47;
  constexpr std::int64_t microseconds_of_second = 1'000'000;
  const auto then = value_of(source, key.hash);
  const std::int64_t within = key.within.count() / microseconds_of_second;
  const bool is_marked = then && (*then & of_running_time) != 0;
  const auto then_seconds = static_cast<std::int64_t>(then.value_or(0) & ~of_running_time);
  const std::int64_t running_seconds = now.running.count() / microseconds_of_second;
  const std::int64_t seconds = is_marked ? running_seconds : now.wall.count() / microseconds_of_second;
  const bool may_be_any_age = !is_marked && now.wall == time_not_known;
  if (then && (may_be_any_age || seconds < then_seconds + within)) return true;
  set_value(key.hash, static_cast<std::uint64_t>(running_seconds) | of_running_time);
  return false;
}

void MessageMemory::check_messages(const std::string& source, const DecodedBatch& batch, Moment now) {
  const SourceSessions::Session& session = sessions_.of(source);
  copies_ = session.copies;
  for (const DecodedMessage& message : batch.messages) {
    if (message.position) note_newest(*message.position);
    const bool known = is_known(source, session, message, now);
    if (!known && message.fingerprint) fingerprints_.push_back(*message.fingerprint);
    if (known || (message.fingerprint &&
                  copies_.is_copy(static_cast<std::uint32_t>(*message.fingerprint), message.copies, now.running))) {
      known_.push_back(&message);
    }
  }
}

// If it is not, also what its topic has now.
bool MessageMemory::is_known(const std::string& source, const SourceSessions::Session& session,
                             const DecodedMessage& message, Moment now) {
  if (message.redelivered && message.fingerprint && session.recent.knows(*message.fingerprint)) return true;
  if (message.key && is_repeated(source, *message.key, now)) return true;
  if (!message.topic_value) return false;
  const auto& [topic, value, is_stored] = *message.topic_value;
  const bool same = value_of(source, topic) == value;
  if (!same) set_value(topic, value);
  return same && is_stored;
}

void MessageMemory::note_newest(const Position& position) {
  const auto same = std::find_if(newest_.begin(), newest_.end(),
                                 [&](const JournaledPosition& other) { return other.partition == position.partition; });
  if (same == newest_.end()) {
    newest_.push_back({position.partition, position.bytes});
  } else {
    same->bytes = position.bytes;
  }
}

void MessageMemory::note(const std::string& source) {
  note_resent();
  unchanged_ += unchanged_here_;
  if (!fingerprints_.empty()) {
    SourceSessions::Session& session = sessions_.of(source);
    for (const std::uint64_t fingerprint : fingerprints_) session.recent.add(fingerprint);
    if (copies_.dropped() > 0) report_copies(source, session.copies);
    session.copies = copies_;
  }
  note_positions(source);
  for (const JournaledValue& value : new_values_) values_.note(source, value.topic, value.value);
}

void MessageMemory::note_positions(const std::string& source) {
  for (const JournaledPosition& position : newest_) positions_.note(source, position.partition, position.bytes);
}

// Once what the broker does, and once that it was misjudged.
void MessageMemory::report_copies(const std::string& source, const CopyWatch& before) const {
  const LogSubject subject{.event = LogEvent::source_notice, .source = source};
  if (before.dropped() == 0) {
    log(LogLevel::warning, subject,
        "the broker sends a message once for each route that matches it; the copies are dropped. With protocol 5 it "
        "tells them apart");
  }
  if (copies_.sends_one() && !before.sends_one()) {
    log(LogLevel::warning, subject,
        "the broker sends a message once, however many routes match it; " + std::to_string(copies_.dropped()) +
            " equal messages in a row were taken for copies and not counted");
  }
}

}  // namespace edgetide
