#include "daemon/intake/message_memory.h"

#include <algorithm>

#include "daemon/service/log.h"

namespace edgetide {

void MessageMemory::look_at(const std::string& source, const DecodedBatch& batch, Duration now) {
  known_.clear();
  fingerprints_.clear();
  newest_.clear();
  new_values_.clear();
  for (const Position& state : batch.states) note_newest(state);
  if (!batch.messages.empty()) look_at_messages(source, batch, now);
  leave_out_known(batch);
}

void MessageMemory::leave_out_known(const DecodedBatch& batch) {
  new_readings_.clear();
  new_refusals_.clear();
  const std::span<const DecodedReading> readings(batch.readings);
  const std::span<const DecodedRefusal> refusals(batch.refusals);
  std::uint32_t reading = 0, refusal = 0;
  for (const DecodedMessage* const known : known_) {
    new_readings_.push_back(readings.subspan(reading, known->first_reading - reading));
    new_refusals_.push_back(refusals.subspan(refusal, known->first_refusal - refusal));
    reading = known->end_reading, refusal = known->end_refusal;
  }
  new_readings_.push_back(readings.subspan(reading));
  new_refusals_.push_back(refusals.subspan(refusal));
}

void MessageMemory::look_at_messages(const std::string& source, const DecodedBatch& batch, Duration now) {
  const SourceSessions::Session& session = sessions_.of(source);
  copies_ = session.copies;
  for (const DecodedMessage& message : batch.messages) {
    if (message.position) note_newest(*message.position);
    const bool known = is_known(source, session, message);
    if (!known && message.fingerprint) fingerprints_.push_back(*message.fingerprint);
    if (known || (message.fingerprint &&
                  copies_.is_copy(static_cast<std::uint32_t>(*message.fingerprint), message.copies, now))) {
      known_.push_back(&message);
    }
  }
}

// If it is not, also what its topic has now.
bool MessageMemory::is_known(const std::string& source, const SourceSessions::Session& session,
                             const DecodedMessage& message) {
  if (message.redelivered && message.fingerprint && session.recent.knows(*message.fingerprint)) return true;
  if (!message.topic_value) return false;
  const auto& [topic, value, is_stored] = *message.topic_value;
  const bool same = values_.knows(source, topic, value);
  if (!same) new_values_.push_back({topic, value});
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
