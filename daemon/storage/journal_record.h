// What the journal holds: the inputs of the pipeline, in their order, as records of a record log. FORMAT.md has the
// bytes.
//
//   JournalEncoder   appends one record's payload to a buffer
//   JournalDecoder   turns a payload back; strings of the result live as long as the payload
//
// A batch's arrival is written as the time since the record before it. Both sides remember that; runs, ticks and
// connections carry whole moments, so that a decoder that starts anywhere, or has lost records, is right again from the
// next of these on. Until then it takes the last moment it knows.
//
// Thread: one owner at a time. Fails: `decode` gives nothing for bytes that are no such record.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "pipeline/pipeline.h"

namespace edgetide {

class VarintReader;

enum class JournalType : std::uint8_t {
  run = 1,
  series = 2,
  batch = 3,
  tick = 4,
  connection = 5,
  clock_set = 6,
  sources = 7,
  session = 8,
};

// The daemon has started. What follows speaks of sources by their place here, and of series by the ids of a pipeline
// whose table was this one.
struct RunStart {
  std::uint64_t run = 0;
  std::uint64_t state_id = 0;
  Moment now;
  std::vector<std::string> sources;
  std::uint32_t series_count = 0;
  std::uint32_t series_checksum = 0;  // of all names, in the order of ids
};

struct NewSeries {
  SeriesId id{};
  SourceId source{};
  Series series;
};

struct RefusedCount {
  Refusal reason{};
  std::uint64_t readings = 0;
};

// Where the source was with the last message of a batch.
struct JournaledPosition {
  std::string_view partition;
  std::string_view bytes;
};

// The newest value of a topic that its peer stores, by hashes of 48 bits.
struct JournaledValue {
  std::uint64_t topic = 0;
  std::uint64_t value = 0;
};

struct JournaledBatch {
  SourceId source{};
  Moment arrival;
  std::span<const std::uint64_t> fingerprints;   // of its messages that have one, 48 bits
  std::span<const JournaledPosition> positions;  // one for each partition
  std::span<const Reading> readings;
  std::span<const RefusedCount> refused;  // never reached the pipeline
  std::span<const JournaledValue> values = {};
};

struct JournaledTick {
  Moment now;
  Fire fire{};
};

struct JournaledConnection {
  SourceId source{};
  bool connected = false;
  Moment now;
};

// From here on the time is known: what came before with an arrival of `Timestamp::earliest()` is applied now.
struct ClockSet {
  Moment now;
};

// The configuration was read again: what follows speaks of sources by their place here. Series keep their ids.
struct JournaledSources {
  std::vector<std::string> names;
};

// The source goes on in this session at its peer: fingerprints of later batches are of messages in it.
struct JournaledSession {
  static constexpr std::uint32_t most_in_flight = 65'535;

  SourceId source{};
  bool is_new = false;          // the peer knew of none
  std::uint32_t in_flight = 0;  // at most most_in_flight
  std::string_view name;
  std::string_view notes;  // the source's own
};

using JournalRecord = std::variant<RunStart, NewSeries, JournaledBatch, JournaledTick, JournaledConnection, ClockSet,
                                   JournaledSources, JournaledSession>;

class JournalEncoder {
 public:
  void append(std::string& out, const RunStart& start);
  void append(std::string& out, const NewSeries& added);
  void append(std::string& out, const JournaledBatch& batch);
  void append(std::string& out, const JournaledTick& tick);
  void append(std::string& out, const JournaledConnection& connection);
  void append(std::string& out, const ClockSet& set);
  void append(std::string& out, const JournaledSources& sources);
  void append(std::string& out, const JournaledSession& session);

  // The next batch carries its whole moment: the record before it may not be there for a reader.
  void forget_moment() noexcept { last_.reset(); }

 private:
  void append_moment(std::string& out, Moment moment);

  std::optional<Moment> last_;
};

class JournalDecoder {
 public:
  // What a batch holds lives until the next call, and as long as the payload.
  std::optional<JournalRecord> decode(std::uint8_t type, std::string_view payload);

 private:
  std::optional<JournalRecord> decode_batch(std::string_view payload);
  void read_messages(VarintReader& in, std::uint64_t flags);

  Moment last_;
  std::vector<std::uint64_t> fingerprints_;
  std::vector<JournaledPosition> positions_;
  std::vector<JournaledValue> values_;
  std::vector<Reading> readings_;
  std::vector<RefusedCount> refused_;
};

}  // namespace edgetide
