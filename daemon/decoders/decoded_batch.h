// Readings as decoders make them, with names instead of ids. One batch per message or turn of a loop, reused, so that
// decoding allocates nothing once its buffers have grown.
//
// Owns:   strings given to `keep`; other views point into the topic, the payload or the decoder's options, which must
//         outlive the batch's use.
// Thread: one owner at a time.
// Fails:  never; what cannot be decoded is a DecodedRefusal in the batch.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/decoders/id_text.h"
#include "daemon/decoders/no_reading.h"
#include "daemon/decoders/record_names.h"
#include "pipeline/reading.h"
#include "pipeline/refusal.h"
#include "pipeline/series.h"
#include "pipeline/time.h"

namespace edgetide {

// Of a line's tags; empty: it has none of that name.
inline std::string_view tag_named(std::span<const LabelView> tags, std::string_view key) noexcept {
  const auto tag = std::find_if(tags.begin(), tags.end(), [&](const LabelView& label) { return label.key == key; });
  return tag == tags.end() ? std::string_view() : tag->value;
}

inline constexpr std::size_t max_labels = 32;  // of a reading

// Which readings count, of devices that say again what they know.
enum class Counts : std::uint8_t {
  always,
  if_changed,  // its value is not that of its series before
  if_new,      // its value or its time is not
};

// Copied once for each value, so it is small.
struct DecodedReading {
  std::string_view sensor;
  std::string_view metric;
  std::string_view unit;
  std::optional<Timestamp> event_time;  // none: takes the arrival time; unreadable_time: what stands there is no time
  double value = 0;
  std::uint32_t first_label = 0;  // range in DecodedBatch::labels; readings of one message may share it
  std::uint8_t label_count = 0;   // at most max_labels
  Counts counts = Counts::always;
  // Of an event time that was written without a zone: `written_locally`, and how many seconds later local clocks show
  // the same time again, when they are set back; 0 seconds: they do not. One number, as two would cost more.
  std::uint16_t local = 0;
  Duration from_arrival{};  // without an event time: so much after the arrival, negative: before it; below 2^28 s

  static constexpr std::uint16_t written_locally = 0x8000;
  bool is_local() const noexcept { return local != 0; }
  std::uint16_t repeats_after() const noexcept { return local & (written_locally - 1); }
};
static_assert(sizeof(void*) < 8 || sizeof(DecodedReading) <= 88);  // more is copied by a call

// One reading, or one message that gave no reading at all, and why.
struct DecodedRefusal {
  Refusal reason;
  std::string_view where;    // topic, peer or path; untrusted: escape before printing
  std::uint32_t offset = 0;  // byte in the payload, as near as is known
};

// A message that gave no reading. Views, as those of readings.
struct UndecodedMessage {
  std::optional<Refusal> reason;  // the first; none: nothing in it is a value
  std::uint32_t message = 0;      // in DecodedBatch::messages, if it gets there
  std::string_view topic;         // or path, or peer
  std::string_view payload;
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

// A source that knows a message by a key of its sender keeps the newest keys as positions, in this many partitions that
// it uses in turn. Their names begin with this mark.
inline constexpr char message_key_mark = '\x02';
inline constexpr std::size_t max_message_keys = 4096;

// What a message says that it is: another of the same key is the same message again, if it comes within this time.
struct MessageKey {
  std::uint64_t hash = 0;  // 48 bits
  Duration within;
};

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
  std::optional<MessageKey> key = {};
  std::string_view route = {};  // its topic as configured, of a message that its route may leave out
};

class DecodedBatch {
 public:
  std::vector<DecodedReading> readings;
  std::vector<LabelView> labels;
  std::vector<DecodedRefusal> refusals;
  std::vector<UndecodedMessage> undecoded;              // for the quarantine
  std::vector<MessagesWithoutReading> without_reading;  // counted; those alone leave a batch empty
  std::vector<DecodedMessage> messages;   // in their order; those without a fingerprint or a position need not be here
  std::vector<Position> states;           // of decoders, that have changed; given back at a start, as positions are
  std::vector<Reply> replies;             // the source sends them once the batch is taken, if its transport can
  std::vector<std::string_view> notices;  // what a decoder found once that its user should know; for the log
  std::uint32_t inexact = 0;              // of the readings: integers that a double does not hold
  std::size_t max_id_bytes = edgetide::max_id_bytes;  // of the message that is being decoded, by its route
  RecordNames record_names;                           // of the record that is being decoded
  // What it was decoded from, for those who count it: messages or lines, and their bytes.
  std::uint32_t message_count = 0;
  std::size_t bytes = 0;

  std::span<const LabelView> labels_of(const DecodedReading& reading) const noexcept {
    return std::span<const LabelView>(labels).subspan(reading.first_label, reading.label_count);
  }

  // All readings and refusals since the message before were this one's. The position's bytes live as long as the batch.
  // Fails: std::invalid_argument for a position beyond its limits, an error of the source.
  void end_message(std::optional<std::uint64_t> fingerprint, bool redelivered, std::optional<Position> position = {});

  // Before each message. `has_bounds`: its route may leave it out for what came before; then `end_bounded_message`
  // comes behind it, and if its source ends it too, that is the same message.
  void begin_message(bool has_bounds) {
    has_bounds_ = false;
    if (has_bounds) begin_bounded_message();
  }
  // Without readings its key is not kept: another message of that key may have some.
  void end_bounded_message(std::string_view route, bool has_readings);
  // Of the message that is being decoded; the first one counts. `hash`: 48 bits.
  void set_message_key(std::uint64_t hash, Duration within) {
    if (!key_) key_ = {hash, within};
  }

  // The message that was decoded last, if it has no reading. No reason: nothing in it is a value.
  void note_undecoded(std::optional<Refusal> reason, std::string_view topic, std::string_view payload) {
    undecoded.push_back({reason, static_cast<std::uint32_t>(messages.size() - (has_bounds_ ? 1 : 0)), topic, payload});
  }

  // A message, or several, that gave no reading.
  void note_without_reading(std::string_view route, NoReading reason);
  // What gave no reading before any route saw it. `where` lives as long as the batch.
  void refuse_unseen(Refusal reason, std::string_view where, std::uint32_t offset = 0) {
    refusals.push_back({reason, where, offset});
    note_without_reading({}, no_reading_of(reason));
  }

  // The state of the decoder of `route` (Message::route) after this message; the bytes are copied. False: more than
  // max_decoder_state_bytes, not kept.
  bool keep_state(std::string_view route, std::string_view bytes);
  // Both strings are copied.
  void reply(std::string_view topic, std::string_view payload) { replies.push_back({keep(topic), keep(payload)}); }

  // Nothing came of what was decoded.
  bool empty() const noexcept {
    return readings.empty() && refusals.empty() && states.empty() && replies.empty() && notices.empty();
  }

  // A copy of the text that lives until `clear`.
  std::string_view keep(std::string_view text);
  // The same of "first.second".
  std::string_view keep_dotted(std::string_view first, std::string_view second);

  void clear() noexcept;  // keeps the buffers

 private:
  char* room_for(std::size_t size);
  DecodedMessage& add_message();
  void begin_bounded_message();

  std::optional<MessageKey> key_;
  bool has_bounds_ = false;  // the newest message was ended by its route

  static constexpr std::size_t block_bytes = 4096;
  std::vector<std::unique_ptr<char[]>> blocks_;  // of block_bytes, reused
  std::deque<std::string> large_;                // strings that fit in no block
  std::size_t block_ = 0;
  std::size_t used_ = 0;
};

}  // namespace edgetide
