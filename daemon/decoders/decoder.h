// Bytes to readings. A decoder is pure except for its own buffers, so tests and fuzzers can run it without a daemon.
//
// Thread: one at a time per decoder (it reuses parse buffers).
// Owns:   readings point into the message, the batch and the decoder's options; the decoder outlives their use.
// Fails:  never; refusals go into the batch: one per bad value, bad record or bad line, or one for the whole message.
//         A bad part of a message does not affect the other parts.
// Limit:  payload 256 KiB (the router's), depth 16, 1000 values (readings and refusals) per message
//         (message_output.h), or what the message allows, but 256 KiB of JSON: a message that exceeds them is refused
//         as a whole. Ids as id_text.h says.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/decoders/decoded_batch.h"
#include "daemon/decoders/format.h"
#include "daemon/decoders/id_text.h"
#include "daemon/decoders/states.h"
#include "pipeline/enum_word.h"
#include "pipeline/time_zone.h"

namespace edgetide {

inline constexpr std::size_t max_payload_bytes = 256 * 1024;
inline constexpr std::size_t max_json_depth = 16;
inline constexpr std::size_t max_values_per_message = 1000;

struct Capture {
  std::string_view name;
  std::string_view text;
};

// A user property of MQTT 5, a header of Kafka or HTTP.
struct MessageProperty {
  std::string_view name;
  std::string_view value;
};

// How an event time is written.
enum class TimeFormat {
  automatic,  // RFC 3339 text, or a number whose size tells its unit (below 5e9 s, 5e12 ms, 5e15 us, else ns)
  rfc3339,
  unix_s,  // may carry a fraction
  unix_ms,
  unix_us,
  unix_ns,
  unix_minutes,  // only a transport says these two: InfluxDB's `precision`
  unix_hours,
};

// What a transport delivers. Only the payload is always there.
struct Message {
  std::string_view topic;  // or path, or peer
  std::string_view payload;
  std::string_view key = {};           // of a Kafka record
  std::string_view content_type = {};  // MQTT 5, HTTP
  std::span<const MessageProperty> properties = {};
  std::optional<Timestamp> time = {};          // the transport's own; of readings whose payload has none
  std::optional<TimeFormat> time_format = {};  // of line protocol; none: the route's
  // The first line of the file that the payload is a line of, for formats with a header. A batch has lines of one.
  std::string_view header = {};
  // What it may be at most; a transport whose messages have many records allows more.
  std::size_t max_bytes = max_payload_bytes;
  std::size_t max_values = max_values_per_message;
  // Of the route, which fills them in.
  std::span<const Capture> captures = {};  // from the topic pattern, in its order
  std::string_view route = {};             // for DecodedBatch::keep_state
};

class Decoder {
 public:
  virtual ~Decoder() = default;
  virtual void decode(const Message& message, DecodedBatch& out) = 0;

  // Before the first message: what the decoder of this route gave to DecodedBatch::keep_state last, with the newest
  // message that was taken. The bytes may be those of another format; then they are to be ignored.
  virtual void restore_state(std::string_view /*bytes*/) {}

  // Of a topic whose message gave nothing: it is never to give a reading, so none is missed.
  virtual bool passes_over(std::string_view /*topic*/) const { return false; }
};

inline constexpr EnumWord<TimeFormat> time_format_words[] = {
    {TimeFormat::automatic, "auto"},  {TimeFormat::rfc3339, "rfc3339"}, {TimeFormat::unix_s, "unix"},
    {TimeFormat::unix_ms, "unix_ms"}, {TimeFormat::unix_us, "unix_us"}, {TimeFormat::unix_ns, "unix_ns"}};

struct TimeField {
  std::string path;  // JSON path, CSV column name, or empty: no event time in the payload
  TimeFormat format = TimeFormat::automatic;
  std::string time_of_day = {};  // as `path`, which then has only the date
  std::string pattern = {};      // of strptime (time_pattern.h), instead of the format
  bool operator==(const TimeField&) const = default;
};

// One value to take from a message.
struct ValueField {
  std::string path = {};    // JSON path (json_path.h: "t", "readings[*].v", "a.*.b") or CSV column name
  std::string metric = {};  // default: see json_decoder.h, csv_decoder.h; mostly the path's last name
  std::string unit = {};
  std::string convert = {};    // "F->C": the unit of the payload and that of the reading (units.h)
  std::string unit_path = {};  // json: where the payload names the unit of the value; it is converted to `unit`
  double scale = 1;            // value * scale + offset, after the conversion
  double offset = 0;
  bool operator==(const ValueField&) const = default;
};

struct LabelField {
  std::string key;
  std::string path;  // JSON path or CSV column name
  bool operator==(const LabelField&) const = default;
};

// What is done with a value that its device says again without a new measurement, since it repeats all it knows.
enum class Repeats { keep, skip_unchanged };

inline constexpr EnumWord<Repeats> repeats_words[] = {{Repeats::keep, "keep"},
                                                      {Repeats::skip_unchanged, "skip_unchanged"}};

// How a message is known that several senders deliver, or one of them again.
struct Dedupe {
  std::string path;  // of an id in the payload; empty: messages have none
  Duration within = Duration::minutes(10);
  bool operator==(const Dedupe&) const = default;
};

extern const Format json_format;  // json_decoder.h; the default of options that no configuration has filled

// How the payloads of one route become readings.
struct MappingOptions {
  const Format* format = &json_format;
  // Template over captures: "{area}/{device}"; default: "{device}" or "{sensor}" if captured. influx_decoder.h has
  // more.
  std::string sensor;
  std::string sensor_path;  // where the payload names the sensor; wins over `sensor` where it is there
  std::string metric;       // template over captures; default: "{metric}" if captured, else the names of the values
  std::string metric_path;  // where the payload names the metric of a record; wins over `metric`
  TimeField time;           // influx: only `format`
  std::vector<std::string> each;    // json: where the records are, "readings[*]"; the first path that leads somewhere
  bool parallel_arrays = false;     // json: the arrays in a record are columns, and each row of them is a record
  std::vector<ValueField> values;   // json, csv: empty takes every number
  std::vector<std::string> ignore;  // json without `values`: globs for paths that are not taken, nor what is in them
  std::vector<std::string> ignore_topics;  // globs for topics of the route that have no readings
  std::vector<LabelField> labels;          // json, csv; json: {"*", "tags.*"} takes every member
  std::string unit;                        // number: the unit of the value
  bool coerce_strings = true;              // "21.5 °C", "1,5" and "ON" are numbers
  std::vector<State> states;  // words that stand for numbers, besides or instead of the standard ones (states.h)
  std::shared_ptr<const TimeZone> time_zone;  // of times that are written without a zone; none: UTC, with a notice
  Repeats repeats = Repeats::keep;
  std::size_t max_id_bytes = edgetide::max_id_bytes;  // of names that come in messages
  Dedupe dedupe;                                      // json
  // csv: columns in order; empty: the first line of each message is a header
  std::vector<std::string> columns;
  char delimiter = ',';
  std::shared_ptr<const FormatOptions> own;  // of this format alone
  bool operator==(const MappingOptions& other) const;
};

// Fails: throws std::invalid_argument with a reason a user can act on (a bad path, a capture that is not in the topic).
std::unique_ptr<Decoder> make_decoder(const MappingOptions& options, std::span<const std::string> capture_names);
// Everything that is wrong with them, in the words of `make_decoder`; of what concerns no single value the first.
std::vector<std::string> objections_to(const MappingOptions& options, std::span<const std::string> capture_names);

}  // namespace edgetide
