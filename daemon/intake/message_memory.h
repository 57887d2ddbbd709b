// What is remembered of messages, so that each counts once: which were taken in the session of their source, which
// value each topic has stored, which keys came, and where each source is. Also the newest value of each series whose
// readings do not always count (decoded_batch.h).
//
//   check       which messages of a batch were taken before, and what to know the others by
//   note        the batch is in the journal: its messages are known from now on
//
// Owns:   sessions, positions and stored values; between `check` and `note` it points into the batch.
// Thread: one owner at a time (the intake lock). Fails: never. Allocates nothing once its buffers have grown.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "daemon/intake/copy_watch.h"
#include "daemon/intake/source_positions.h"
#include "daemon/intake/source_sessions.h"
#include "daemon/intake/stored_values.h"
#include "daemon/sources/source.h"
#include "daemon/storage/journal_record.h"

namespace edgetide {

class MessageMemory {
 public:
  MessageMemory(SourceSessions sessions, SourcePositions positions, StoredValues values)
      : sessions_(std::move(sessions)), positions_(std::move(positions)), values_(std::move(values)) {}

  void check(const std::string& source, const DecodedBatch& batch, Moment now);

  // Of the batch that was looked at last.
  bool knows_some() const noexcept { return !known_.empty(); }
  bool has_news() const noexcept { return !fingerprints_.empty() || !newest_.empty() || !new_values_.empty(); }
  std::span<const std::uint64_t> fingerprints() const noexcept { return fingerprints_; }
  std::span<const JournaledPosition> newest() const noexcept { return newest_; }
  std::span<const JournaledValue> new_values() const noexcept { return new_values_; }
  // Of the messages that are not known, in their order.
  std::span<const std::span<const DecodedReading>> new_readings() const noexcept { return new_readings_; }
  std::span<const std::span<const DecodedRefusal>> new_refusals() const noexcept { return new_refusals_; }

  // Of the last batch, by its index in DecodedBatch::messages: it was taken before.
  bool is_known(const DecodedBatch& batch, std::size_t message) const noexcept;
  // By route: messages of the last batch that `dedupe` or `repeats` have left out.
  std::span<const MessagesWithoutReading> left_out() const noexcept { return left_out_; }

  void note(const std::string& source);
  // All of its messages are known.
  void note_resent() noexcept { resent_ += known_.size(); }
  // The source goes on, though the batch was refused.
  void note_positions(const std::string& source);

  SourceSessions& sessions() noexcept { return sessions_; }
  const SourceSessions& sessions() const noexcept { return sessions_; }
  const SourcePositions& positions() const noexcept { return positions_; }
  const StoredValues& values() const noexcept { return values_; }
  // Since the start.
  std::uint64_t resent() const noexcept { return resent_; }        // messages that were known
  std::uint64_t unchanged() const noexcept { return unchanged_; }  // readings whose value was that before

 private:
  void check_messages(const std::string& source, const DecodedBatch& batch, Moment now);
  void count_left_out(const DecodedBatch& batch);
  void count_left_out(std::string_view route, NoReading reason);
  void leave_out_known(const std::string& source, const DecodedBatch& batch);
  void take_changed(const std::string& source, const DecodedBatch& batch, std::span<const DecodedReading> readings);
  bool is_unchanged(const std::string& source, const DecodedBatch& batch, const DecodedReading& reading);
  bool may_be_refused(const DecodedReading& reading) const noexcept;
  bool has_new_readings(const DecodedBatch& batch, const DecodedMessage& message) const noexcept;
  bool is_repeated(const std::string& source, const MessageKey& key, Moment now);
  std::optional<std::uint64_t> value_of(const std::string& source, std::uint64_t topic) const;
  void set_value(std::uint64_t topic, std::uint64_t value);
  bool is_known(const std::string& source, const SourceSessions::Session& session, const DecodedMessage& message,
                Moment now);
  void note_newest(const Position& position);
  void report_copies(const std::string& source, const CopyWatch& before) const;

  SourceSessions sessions_;
  SourcePositions positions_;
  StoredValues values_;
  std::uint64_t resent_ = 0, unchanged_ = 0;

  // Of one batch; kept for their buffers.
  std::vector<const DecodedMessage*> known_;  // messages that were taken before
  std::vector<std::span<const DecodedReading>> new_readings_;
  std::vector<std::span<const DecodedRefusal>> new_refusals_;
  std::vector<MessagesWithoutReading> left_out_;
  std::vector<std::uint64_t> fingerprints_;               // of the others
  std::vector<JournaledPosition> newest_;                 // position of each partition
  std::vector<JournaledValue> new_values_;                // of their topics, keys and readings that do not always count
  std::map<std::uint64_t, std::uint64_t> newest_values_;  // the same, to find
  std::uint64_t unchanged_here_ = 0;
  Timestamp arrival_;
  CopyWatch copies_;  // of its session, with these messages
};

}  // namespace edgetide
