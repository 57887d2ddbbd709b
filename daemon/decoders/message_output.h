// What one message adds to a batch. Counts values and refusals; if there are more than max_values_per_message, replaces
// them all by one too_many_values refusal.
//
// Thread: one owner at a time. Fails: never.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "daemon/decoders/decoder.h"

namespace edgetide {

class MessageOutput {
 public:
  MessageOutput(const Message& message, DecodedBatch& batch) noexcept
      : batch_(batch),
        topic_(message.topic),
        readings_(batch.readings.size()),
        labels_(batch.labels.size()),
        refusals_(batch.refusals.size()) {}

  DecodedBatch& batch() noexcept { return batch_; }

  // Refuses the reading instead if its value is not finite.
  void add(const DecodedReading& reading, std::size_t offset = 0);

  // `where` defaults to the topic.
  void refuse(Refusal reason, std::size_t offset) { refuse(reason, topic_, offset); }
  void refuse(Refusal reason, std::string_view where, std::size_t offset);

  // Takes back what the message gave so far; this is its one refusal.
  void refuse_message(Refusal reason);

  // True once the message was refused as a whole; the decoder may stop, what it adds is ignored.
  bool full() const noexcept { return full_; }

 private:
  bool admit();

  DecodedBatch& batch_;
  std::string_view topic_;
  std::size_t readings_;
  std::size_t labels_;
  std::size_t refusals_;
  std::size_t count_ = 0;
  bool full_ = false;
};

// The metric of a value named `name` in a record with its own metric, or without one (empty): the record's for the
// value called "value", the name where the record has none, else "record.name", kept in the batch (empty if that is too
// long for an id).
std::string_view metric_in_record(std::string_view record_metric, std::string_view name, std::string& scratch,
                                  DecodedBatch& batch);

}  // namespace edgetide
