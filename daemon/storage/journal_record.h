// What the journal holds: the inputs of the pipeline, in their order, as records of a record log. FORMAT.md has the
// bytes.
//
//   JournalEncoder   appends one record's payload to a buffer
//   JournalDecoder   turns a payload back; strings of the result live as long as the payload
//
// A batch's arrival is written as the time since the record before it. All other records with a time are *anchors*:
// they carry their whole moment, and how long before it the record before was. A lost record costs no other its time:
// what follows it is placed by the next anchor (journal_inputs.h). There is an anchor at least every `anchor_bytes`.
//
// Thread: one owner at a time.
// Fails:  `decode` gives nothing for bytes that are no such record, and for a batch whose time it cannot know.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "daemon/service/boot_age.h"
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
  delivered = 9,
  late = 10,
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
  std::string series_marks = {};      // 2 bytes for each id, to recognise single ones: series_checksum.h
  std::string options = {};           // of the pipeline: options_bytes.h; empty: not known
  BootAge since_boot = {};            // at `now`
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
  std::uint64_t epoch = 0;  // that it ends
  static constexpr std::uint32_t max_sources_listed = 64;
  std::uint64_t listening = 0;        // a bit for each of the first sources
  std::span<const Duration> unheard;  // by source: how long before `now` silence is judged; none: up to `now`
};

// A tick whose epoch also has what readings of the quarantine add to rows of one window.
struct JournaledLate : JournaledTick {
  std::string_view window;
  std::span<const std::uint64_t> numbers;  // of their records in the quarantine, ascending
  std::span<const Reading> readings;       // as many
};

struct JournaledConnection {
  SourceId source{};
  bool connected = false;
  Moment now;
  Duration unheard;  // at the end of a connection, as of a tick
};

// From here on the time is known: what came before with an arrival of `Timestamp::earliest()` is applied now.
struct ClockSet {
  Moment now;
};

// The configuration was read again: what follows speaks of sources by their place here, and is computed by these
// options. Series keep their ids.
struct JournaledSources {
  std::vector<std::string> names;
  std::uint64_t number = 0;  // of this record among those of the run, from 1
  std::string options = {};  // as in RunStart
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

// The sink has confirmed all rows up to this epoch: a replay need not keep them for it.
struct JournaledDelivery {
  std::string_view sink;
  std::uint64_t run = 0;
  std::uint64_t epoch = 0;
};

using JournalRecord = std::variant<RunStart, NewSeries, JournaledBatch, JournaledTick, JournaledConnection, ClockSet,
                                   JournaledSources, JournaledSession, JournaledDelivery, JournaledLate>;

// What ids and places a record depends on: the records that define them, counted, the lowest 8 bits of each. An anchor
// says it, so that behind a lost record it is known whether it was one of these.
struct JournalContext {
  std::uint8_t series = 0;  // NewSeries records of the run
  std::uint8_t places = 0;  // the run, plus its JournaledSources records
  bool operator==(const JournalContext&) const = default;

  void count(const RunStart& start) noexcept;
  void count(const NewSeries&) noexcept { ++series; }
  void count(const JournaledSources& sources, std::uint64_t run) noexcept;
};

class JournalEncoder {
 public:
  static constexpr std::size_t anchor_bytes = 64 * 1024;

  void append(std::string& out, const RunStart& start);
  void append(std::string& out, const NewSeries& added);
  void append(std::string& out, const JournaledBatch& batch);
  void append(std::string& out, const JournaledTick& tick);
  void append(std::string& out, const JournaledConnection& connection);
  void append(std::string& out, const ClockSet& set);
  void append(std::string& out, const JournaledSources& sources);
  void append(std::string& out, const JournaledSession& session);
  void append(std::string& out, const JournaledDelivery& delivery);
  void append(std::string& out, const JournaledLate& late);

  // The record before was discarded: nothing is relative to it.
  void forget_moment() noexcept { last_.reset(); }
  // The next batch is an anchor: a reader may begin with it.
  void anchor_next() noexcept { needs_anchor_ = true; }
  JournalContext context() const noexcept { return context_; }

 private:
  void append_anchor(std::string& out, Moment moment);

  std::optional<Moment> last_;
  bool needs_anchor_ = false;
  std::size_t bytes_behind_anchor_ = 0;
  JournalContext context_;
  std::uint64_t run_ = 0;
};

// The time of a record, without the rest of it.
struct JournalTime {
  std::optional<Moment> moment;    // of an anchor
  std::optional<Moment> before;    // of the record before an anchor, if it says so
  std::optional<Duration> passed;  // of a batch: since the record before
  std::optional<JournalContext> context;
};
std::optional<JournalTime> time_of(std::uint8_t type, std::string_view payload);

class JournalDecoder {
 public:
  // What a batch, a tick or late readings hold lives until the next call, and as long as the payload.
  std::optional<JournalRecord> decode(std::uint8_t type, std::string_view payload);

  // Of the record before the one that is decoded next; none: a record was lost, and it is not known.
  void set_moment(std::optional<Moment> moment) noexcept { last_ = moment; }
  bool knows_moment() const noexcept { return last_.has_value(); }

 private:
  std::optional<JournalRecord> decode_record(std::uint8_t type, std::string_view payload);
  std::optional<JournaledTick> read_tick(VarintReader& in);
  std::optional<JournalRecord> decode_late(std::string_view payload);
  std::optional<JournalRecord> decode_batch(std::string_view payload);
  void read_messages(VarintReader& in, std::uint64_t flags);

  std::optional<Moment> last_;
  std::vector<Duration> unheard_;
  std::vector<std::uint64_t> numbers_;
  std::vector<std::uint64_t> fingerprints_;
  std::vector<JournaledPosition> positions_;
  std::vector<JournaledValue> values_;
  std::vector<Reading> readings_;
  std::vector<RefusedCount> refused_;
};

}  // namespace edgetide
