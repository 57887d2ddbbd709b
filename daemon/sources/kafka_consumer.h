// librdkafka, as far as a Kafka source needs it: one consumer whose events are taken from one queue, never called back.
//
// Owns:    the consumer with its threads (one, and one for each broker), the records that were given out since
//          `release_records`, and a descriptor that is readable when there are events.
// Thread:  one at a time. What a call asks of the brokers comes as an event; none waits for the network, but the
//          destructor waits for the threads to end, and so for a question or a look-up of a name that is under way.
// Security: kafka_conf.h.
// Fails:   construction throws std::runtime_error (a certificate that cannot be read). The rest comes as events.
// Limit:   KafkaOptions::max_queued_bytes of records that wait; a batch of records as a producer made it of four times
//          as much, 4 MiB at least; 64 headers of a record.
// See:     librdkafka 2.0.2, rdkafka.h, CONFIGURATION.md, INTRODUCTION.md
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/decoders/decoder.h"
#include "daemon/service/descriptor.h"
#include "daemon/sources/kafka_options.h"
#include "pipeline/time.h"

namespace edgetide {

// Views live until `release_records`, but the headers only during the call.
struct KafkaRecord {
  std::string_view topic;
  std::int32_t partition = 0;
  std::int64_t offset = 0;
  std::string_view key;
  std::string_view payload;
  bool has_payload = false;  // without: that a key was deleted
  std::optional<Timestamp> time;
  std::span<const MessageProperty> headers;
};

struct KafkaFailure {
  enum class Kind {
    none,
    broker,     // a connection, a name, a certificate, a password: it is tried again
    all_down,   // no broker is connected
    partition,  // `partition`, or with an empty topic one that `text` names: it is not there or must not be read
    group,      // the group must not be used
    fatal,      // this consumer does nothing more
    other,
  } kind = Kind::none;
  std::string text;
  KafkaPartition partition = {};
};

// What `poll` reports, in its call.
class KafkaEvents {
 public:
  virtual ~KafkaEvents() = default;
  virtual void take_record(const KafkaRecord& record) = 0;
  // All that there is was read; the next record will have this offset or a higher one.
  virtual void reach_end(const KafkaPartition& partition, std::int64_t offset) = 0;
  // There is no record at this offset, or (negative) it is not known where to begin. Nothing is read of the partition
  // until it is assigned again.
  virtual void miss_offset(const KafkaPartition& partition, std::int64_t offset) = 0;
  // The group gives partitions, answered by `assign`, or takes all that it gave, answered by `unassign`. `lost`: they
  // may be another's already.
  virtual void grant(std::vector<KafkaPartition> partitions) = 0;
  virtual void revoke(bool lost) = 0;
  // What `commit` wrote.
  virtual void note_committed(const KafkaFailure& failure) = 0;
  // What `ask_group` asked for.
  virtual void note_group(std::vector<KafkaOffset> offsets, const KafkaFailure& failure) = 0;
  virtual void note_failure(const KafkaFailure& failure) = 0;
  virtual void note_log(std::string_view line) = 0;
};

class KafkaConsumer {
 public:
  // `reads_headers`: records come with them.
  KafkaConsumer(const KafkaOptions& options, bool reads_headers);
  ~KafkaConsumer();
  KafkaConsumer(const KafkaConsumer&) = delete;
  KafkaConsumer& operator=(const KafkaConsumer&) = delete;

  int descriptor() const noexcept { return wake_.get(); }

  // Membership of the group, with what it is to have: `grant` follows. Fails: a text, empty if it did not.
  std::string subscribe(const std::vector<std::string>& topics, const std::string& pattern);

  // Reports one event; false: there is none.
  bool poll(KafkaEvents& events);
  void release_records() noexcept;
  void clear_wake() noexcept;  // before the last poll of a turn

  // All that is to be read.
  void assign(const std::vector<KafkaOffset>& from);
  void unassign();
  void seek(const std::vector<KafkaOffset>& to);
  void pause(const std::vector<KafkaPartition>& partitions);
  void resume(const std::vector<KafkaPartition>& partitions);
  // False: not even begun.
  bool commit(const std::vector<KafkaOffset>& offsets);
  // For the group's offsets of these partitions; without any, whether a broker answers. On a thread that ends with the
  // answer, after 3 s at most. Requires: the answer to the question before was reported.
  void ask_group(const std::vector<KafkaPartition>& partitions);

 private:
  struct Library;
  void give_record(void* event, KafkaEvents& events);
  std::span<const MessageProperty> headers_of(const void* message);

  const bool reads_headers_;
  const Descriptor wake_;
  const std::unique_ptr<Library> library_;
  std::vector<void*> records_;  // events, whose records were given out
  std::vector<MessageProperty> headers_;
};

}  // namespace edgetide
