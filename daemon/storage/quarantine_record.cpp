#include "daemon/storage/quarantine_record.h"

#include <bit>
#include <iterator>

#include "pipeline/bytes.h"
#include "pipeline/series_bytes.h"

namespace edgetide {

namespace {

constexpr std::uint8_t no_value = 255;  // in place of a reason

}  // namespace

void encode(const Quarantined& aside, std::string_view source, Timestamp arrival, const Series& series,
            std::string& out) {
  ByteWriter bytes(out);
  bytes.u8(static_cast<std::uint8_t>(aside.reason));
  bytes.time(aside.reading.event_time);
  bytes.time(arrival);
  bytes.u64(std::bit_cast<std::uint64_t>(aside.reading.value));
  bytes.text(source);
  save_names(bytes, series);
}

std::optional<QuarantinedReading> decode_quarantined_reading(std::string_view payload) {
  ByteReader bytes(payload);
  QuarantinedReading reading;
  const std::uint8_t reason = bytes.u8();
  bytes.require(reason < std::size(quarantined_reason_words));
  reading.reason = static_cast<Quarantined::Reason>(reason);
  reading.event_time = bytes.time();
  reading.arrival = bytes.time();
  reading.value = std::bit_cast<double>(bytes.u64());
  reading.source = bytes.text();
  reading.series = load_names(bytes);
  if (!bytes.ok() || !bytes.at_end()) return std::nullopt;
  return reading;
}

void encode(const RefusedMessage& message, std::string_view source, std::optional<Timestamp> arrival,
            std::string& out) {
  const std::string_view topic = message.topic.substr(0, max_quarantined_topic_bytes);
  const std::string_view kept = message.payload.substr(0, max_quarantined_payload_bytes);
  const bool is_cut = topic.size() < message.topic.size() || kept.size() < message.payload.size();
  ByteWriter bytes(out);
  bytes.u8(message.reason ? static_cast<std::uint8_t>(*message.reason) : no_value);
  bytes.u8(is_cut ? 1 : 0);
  bytes.time(arrival.value_or(Timestamp::earliest()));
  bytes.u32(static_cast<std::uint32_t>(message.payload.size()));
  bytes.text(source);
  bytes.text(topic);
  bytes.text(kept);
}

std::optional<QuarantinedMessage> decode_quarantined_message(std::string_view payload) {
  ByteReader bytes(payload);
  QuarantinedMessage message;
  const std::uint8_t reason = bytes.u8();
  const std::uint8_t flags = bytes.u8();
  bytes.require((reason < refusal_count || reason == no_value) && flags <= 1);
  if (reason != no_value) message.reason = static_cast<Refusal>(reason);
  message.is_cut = flags == 1;
  if (const Timestamp arrival = bytes.time(); arrival != Timestamp::earliest()) message.arrival = arrival;
  message.bytes = bytes.u32();
  message.source = bytes.text();
  message.topic = bytes.text();
  message.payload = bytes.text();
  if (!bytes.ok() || !bytes.at_end()) return std::nullopt;
  return message;
}

}  // namespace edgetide
