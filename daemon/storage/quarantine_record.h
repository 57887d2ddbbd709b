// One reading or message of the quarantine, as the payload of a record. FORMAT.md has the bytes.
//
// Thread: pure. Fails: `decode` gives nothing for invalid bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "pipeline/pipeline.h"
#include "pipeline/refusal.h"

namespace edgetide {

inline constexpr std::uint8_t quarantined_reading_type = 1;
inline constexpr std::uint8_t settled_readings_type = 2;  // which readings before it are in their rows: NumberRanges
inline constexpr std::uint8_t quarantined_message_type = 3;

struct QuarantinedReading {
  Quarantined::Reason reason{};
  Timestamp event_time;
  Timestamp arrival;
  double value = 0;
  std::string source;
  Series series;
};

// A message that gave no reading, and why. Topic and payload are untrusted.
struct RefusedMessage {
  std::optional<Refusal> reason;  // none: nothing in it is a value
  std::string_view topic;         // or path, or peer
  std::string_view payload;
};

// What is longer is cut, and the record says so.
inline constexpr std::size_t max_quarantined_payload_bytes = 4096;
inline constexpr std::size_t max_quarantined_topic_bytes = 1024;

struct QuarantinedMessage {
  std::optional<Refusal> reason;     // none: nothing in it is a value
  std::optional<Timestamp> arrival;  // none: the clock was not set
  std::uint32_t bytes = 0;           // of its payload
  bool is_cut = false;               // topic or payload are not whole
  std::string source;
  std::string topic;
  std::string payload;
};

// Appends the payload. `series` is that of the reading.
void encode(const Quarantined& aside, std::string_view source, Timestamp arrival, const Series& series,
            std::string& out);
std::optional<QuarantinedReading> decode_quarantined_reading(std::string_view payload);

void encode(const RefusedMessage& message, std::string_view source, std::optional<Timestamp> arrival, std::string& out);
std::optional<QuarantinedMessage> decode_quarantined_message(std::string_view payload);

}  // namespace edgetide
