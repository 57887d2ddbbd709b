// The inputs that a journal holds, in their order, each at its time, also behind a lost record.
//
// The time of a batch depends on the record before it. So behind a gap the inputs wait for the next anchor
// (journal_record.h), which says when it was and how long before it the record before was: the times of those that wait
// follow from there. The anchor also tells whether the gap held definitions of series or of places.
//
// Owns:   nothing; the reader outlives it. A record lives until the next call.
// Thread: one owner at a time.
// Fails:  never. Batches without an anchor are dropped and counted; so are records of no known kind.
// Limit:  max_waiting_bytes of payload wait; the batches among them are dropped then.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>

#include "daemon/storage/journal_record.h"
#include "daemon/storage/record_log_reader.h"

namespace edgetide {

// What was lost between two inputs.
struct JournalGap {
  std::uint64_t records = 0;
  bool series = false;  // definitions of series
  bool places = false;  // the start of a run, or another configuration
};

class JournalInputs {
 public:
  static constexpr std::size_t max_waiting_bytes = 4 * 1024 * 1024;

  // What a checkpoint says of the journal behind it.
  struct Start {
    std::uint64_t record = 0;  // the first, if none is lost
    JournalContext context;
    std::uint64_t run = 0;
  };
  JournalInputs(RecordLogReader& reader, std::optional<Start> start);

  std::optional<JournalRecord> next();
  // Of the input that `next` gave last: what was lost before it. Nothing if it was given before.
  std::optional<JournalGap> take_gap() noexcept;
  std::uint64_t number() const noexcept { return number_; }

  std::uint64_t unplaced_readings() const noexcept { return unplaced_readings_; }
  std::uint64_t unknown_records() const noexcept { return unknown_records_; }

 private:
  struct Waiting {
    std::uint64_t number;
    std::uint8_t type;
    std::string payload;
  };

  void read_on();
  void take(const Record& record);
  void note_gap(std::uint64_t records);
  void wait(const Record& record);
  void place(const JournalTime& anchor);
  void drop_batches();
  void count_definition(const Record& record);

  RecordLogReader& reader_;
  JournalDecoder decoder_;
  std::optional<std::uint64_t> expected_;  // number of the next record, if none is lost
  JournalContext context_;
  std::uint64_t run_ = 0;
  bool knows_context_;
  bool unplaced_ = false;  // there was a gap, and no anchor since
  bool ended_ = false;
  JournalGap gap_;
  std::optional<JournalGap> reported_gap_;
  std::deque<Waiting> waiting_;
  std::size_t waiting_bytes_ = 0;
  std::optional<JournalRecord> direct_;  // read, and did not have to wait
  bool given_ = false;                   // the first of waiting_ was given
  std::uint64_t number_ = 0;
  std::uint64_t unplaced_readings_ = 0;
  std::uint64_t unknown_records_ = 0;
};

}  // namespace edgetide
