// What one message adds to a batch, and how its values are named. Counts values and refusals; if there are more than
// Message::max_values, replaces them all by one too_many_values refusal. A second value of one metric in a record is
// refused: it would be mixed with the first.
//
// Thread: one owner at a time. Fails: never.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

#include "daemon/decoders/decoder.h"

namespace edgetide {

// What a line, or a part of it, is refused for.
struct Fault {
  Refusal reason;
  std::size_t offset = 0;       // in the payload
  std::string_view where = {};  // the part that is bad: "tag key", a column; empty: the topic says enough
};

class MessageOutput {
 public:
  MessageOutput(const Message& message, DecodedBatch& batch) noexcept
      : batch_(batch),
        topic_(message.topic),
        max_values_(message.max_values),
        readings_(batch.readings.size()),
        labels_(batch.labels.size()),
        refusals_(batch.refusals.size()),
        inexact_(batch.inexact) {}

  DecodedBatch& batch() noexcept { return batch_; }
  std::size_t max_values() const noexcept { return max_values_; }

  // The readings that follow are of one sensor and one time.
  void begin_record() noexcept;

  // Refuses the reading instead if its value is not finite, or its metric is that of another in the record.
  // `inexact`: the value was an integer that a double does not hold; such are counted.
  void add(const DecodedReading& reading, std::size_t offset = 0, bool inexact = false);

  // `where` defaults to the topic.
  void refuse(Refusal reason, std::size_t offset) { refuse(reason, topic_, offset); }
  void refuse(Refusal reason, std::string_view where, std::size_t offset);
  void refuse(const Fault& fault) { refuse(fault.reason, fault.where.empty() ? topic_ : fault.where, fault.offset); }

  // Takes back what the message gave so far; this is its one refusal. `where` defaults to the topic.
  void refuse_message(Refusal reason) { refuse_message(reason, topic_); }
  void refuse_message(Refusal reason, std::string_view where);

  // True once the message was refused as a whole; the decoder may stop, what it adds is ignored.
  bool full() const noexcept { return full_; }

 private:
  static constexpr std::size_t no_record = std::numeric_limits<std::size_t>::max();
  bool admit();
  bool is_repeated(std::string_view metric) const noexcept;

  DecodedBatch& batch_;
  std::string_view topic_;
  std::size_t max_values_;
  std::size_t readings_;
  std::size_t labels_;
  std::size_t refusals_;
  std::uint32_t inexact_;
  std::size_t record_ = no_record;  // its first reading
  std::size_t count_ = 0;
  bool full_ = false;
};

// The metric of a value named `name` in a record with its own metric, or without one (empty): the record's for the
// value called "value", the name where the record has none, else "record.name", kept in the batch (empty if that is too
// long for an id).
std::string_view metric_in_record(std::string_view record_metric, std::string_view name, DecodedBatch& batch);

// The metric of one of several listed values, as far as the mapping tells. `name` is that of its path or column; empty:
// "value".
std::string metric_of_listed(const MappingOptions& options, const ValueField& value, std::string_view name);

}  // namespace edgetide
