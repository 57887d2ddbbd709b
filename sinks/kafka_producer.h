// librdkafka, as far as the Kafka sink needs it: one producer, idempotent or with transactions, whose reports are
// taken from one queue, never called back.
//
// Owns:    the producer with its threads (one, and one for each broker) and copies of what it was given.
// Thread:  one at a time.
// Blocks:  calls end at their patience, or soon after `interrupted` is set; the destructor, while a look-up of a name
//          is under way.
// Security: kafka_conf.h.
// Fails:   construction throws std::runtime_error (a certificate that cannot be read), calls KafkaFailed.
// Limit:   KafkaSinkOptions::max_queued_bytes and 10,000 records that are not confirmed; 4 MiB of an answer.
// See:     librdkafka 2.0.2, rdkafka.h, CONFIGURATION.md, INTRODUCTION.md (transactional producer)
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sinks/kafka_answer.h"
#include "sinks/kafka_options.h"

namespace edgetide {

struct KafkaHeader {
  std::string name;
  std::string value;
};

class KafkaProducer {
 public:
  using Wait = std::chrono::milliseconds;

  // With transactions where `options` has a transactional id. `interrupted` outlives it.
  KafkaProducer(const KafkaSinkOptions& options, const std::atomic<bool>& interrupted);
  ~KafkaProducer();
  KafkaProducer(const KafkaProducer&) = delete;
  KafkaProducer& operator=(const KafkaProducer&) = delete;

  // Until a broker has answered, and each of the topics is there.
  void reach(const std::vector<std::string>& topics);

  // Of all records that follow.
  void set_headers(const std::vector<KafkaHeader>& headers);
  struct Record {
    std::string_view topic, key, payload;
    std::size_t tag = 0;  // what its report will have
  };
  // False: the queue is full. Throws for what concerns the producer; `answer` says what concerns the record.
  bool put(const Record& record, KafkaAnswer& answer);
  // Gives the reports that there are; waits for one at most so long. Returns how many.
  std::size_t take_reports(Wait wait, const std::function<void(std::size_t tag, const KafkaAnswer&)>& take);
  // The newest that a connection has failed with; empty where none has since the last record was confirmed.
  const std::string& connection_error() const noexcept { return connection_error_; }

  // Ends what an earlier producer of this transactional id has begun, and fences it.
  void init_transactions();
  void begin_transaction();
  // Within the transaction: the group's offset of partition 0 of each topic, with a note.
  void set_position(const std::string& group, const std::vector<std::string>& topics, std::int64_t offset,
                    const std::string& note);
  // Requires: each record has its report. KafkaFailed::in_doubt where the outcome is not known.
  void commit_transaction();
  // Records that have no report are given up. If it cannot be aborted, the next producer of this id does that.
  void abort_transaction() noexcept;
  bool is_in_transaction() const noexcept { return is_in_transaction_; }

 private:
  struct Library;
  void note_event_error(int code, const char* text);
  void drop_events(Wait wait);
  void check_interrupt() const;
  template <class Call>
  void call(const char* what, std::chrono::seconds patience, const Call& step);
  bool has_topic(const char* topic);
  bool purge() noexcept;

  const std::atomic<bool>& interrupted_;
  const std::unique_ptr<Library> library_;
  std::string connection_error_;
  KafkaAnswer::Kind connection_kind_ = KafkaAnswer::Kind::later;
  bool are_all_down_ = false;
  bool is_in_transaction_ = false;
};

// The notes of the group's offsets of partition 0 of these topics; none where it has none. `stable`: waits for the end
// of a transaction that writes them. Blocks, throws: as the producer's calls.
std::vector<std::string> kafka_group_notes(const KafkaBrokerOptions& options, const std::string& group,
                                           const std::vector<std::string>& topics, bool stable,
                                           const std::atomic<bool>& interrupted);

}  // namespace edgetide
