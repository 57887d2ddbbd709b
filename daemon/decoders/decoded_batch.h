// Readings as decoders make them, with names instead of ids. One batch per message or turn of a loop, reused, so that
// decoding allocates nothing once its buffers have grown.
//
// Owns:   strings given to `keep`; other views point into the topic, the payload or the decoder's options, which must
//         outlive the batch's use.
// Thread: one owner at a time.
// Fails:  never; what cannot be decoded is a DecodedRefusal in the batch.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/refusal.h"
#include "pipeline/time.h"

namespace edgetide {

struct LabelView {
  std::string_view key;
  std::string_view value;
};

struct DecodedReading {
  std::string_view sensor;
  std::string_view metric;
  std::string_view unit;
  std::optional<Timestamp> event_time;  // none: takes the arrival time
  double value = 0;
  std::uint32_t first_label = 0;  // range in DecodedBatch::labels; readings of one message may share it
  std::uint32_t label_count = 0;
};

// One reading, or one message that gave no reading at all, and why.
struct DecodedRefusal {
  Refusal reason;
  std::string_view where;    // topic, peer or path; untrusted: escape before printing
  std::uint32_t offset = 0;  // byte in the payload, as near as is known
};

// Where its source was with a message: a Kafka offset, a spool file and a byte, the key of an HTTP request.
struct Position {
  std::string_view partition;  // at most max_partition_bytes
  std::string_view bytes;      // opaque; at most max_position_bytes
};
inline constexpr std::size_t max_partition_bytes = 255;
inline constexpr std::size_t max_position_bytes = 1024;

// What a message says of its topic, for a source whose peer stores values and sends them again. Hashes of 48 bits.
struct TopicValue {
  std::uint64_t topic = 0;
  std::uint64_t value = 0;
  bool is_stored = false;  // the peer had it stored; else it is new
};

// What the decoder of a route knows of earlier messages is kept as a position is, in a partition that begins
// with this mark; no partition of a source does.
inline constexpr char decoder_state_mark = '\x01';
inline constexpr std::size_t max_decoder_state_bytes = 64 * 1024;

// What a decoder asks its source to send: "tell me again what your aliases stand for".
struct Reply {
  std::string_view topic;
  std::string_view payload;
};

// A message that can be recognised. Its readings and refusals follow those of the one before.
struct DecodedMessage {
  std::uint32_t first_reading = 0, end_reading = 0;
  std::uint32_t first_refusal = 0, end_refusal = 0;
  std::optional<std::uint64_t> fingerprint;  // 48 bits; of one that its sender may send again (MQTT, QoS 1)
  bool redelivered = false;                  // it is sent again
  unsigned copies = 1;                       // the sender may send it so often, one right after the other
  std::optional<Position> position;
  std::optional<TopicValue> topic_value = {};
};

class DecodedBatch {
 public:
  std::vector<DecodedReading> readings;
  std::vector<LabelView> labels;
  std::vector<DecodedRefusal> refusals;
  std::vector<DecodedMessage> messages;  // in their order; those without a fingerprint or a position need not be here
  std::vector<Position> states;          // of decoders, that have changed; given back at a start, as positions are
  std::vector<Reply> replies;            // the source sends them once the batch is taken, if its transport can
  // What it was decoded from, for those who count it: messages or lines, and their bytes.
  std::uint32_t message_count = 0;
  std::size_t bytes = 0;

  std::span<const LabelView> labels_of(const DecodedReading& reading) const noexcept {
    return std::span<const LabelView>(labels).subspan(reading.first_label, reading.label_count);
  }

  // All readings and refusals since the message before were this one's. The position's bytes live as long as the batch.
  // Fails: std::invalid_argument for a position beyond its limits, an error of the source.
  void end_message(std::optional<std::uint64_t> fingerprint, bool redelivered, std::optional<Position> position = {});

  // The state of the decoder of `route` (Message::route) after this message; the bytes are copied. False: more than
  // max_decoder_state_bytes, not kept.
  bool keep_state(std::string_view route, std::string_view bytes);
  // Both strings are copied.
  void reply(std::string_view topic, std::string_view payload) { replies.push_back({keep(topic), keep(payload)}); }

  // Nothing came of what was decoded.
  bool empty() const noexcept { return readings.empty() && refusals.empty() && states.empty() && replies.empty(); }

  // A copy of the text that lives until `clear`.
  std::string_view keep(std::string_view text);

  void clear() noexcept;  // keeps the buffers

 private:
  static constexpr std::size_t block_bytes = 4096;
  std::vector<std::unique_ptr<char[]>> blocks_;  // of block_bytes, reused
  std::deque<std::string> large_;                // strings that fit in no block
  std::size_t block_ = 0;
  std::size_t used_ = 0;
};

}  // namespace edgetide
