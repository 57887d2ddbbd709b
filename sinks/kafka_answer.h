// What an answer of Kafka means for the rows that were sent, in words.
//
// Thread: pure. Fails: never; a code that is not known is tried again.
// See:    librdkafka 2.0.2, rdkafka.h (rd_kafka_resp_err_t)
#pragma once

#include <stdexcept>
#include <string>

namespace edgetide {

struct KafkaAnswer {
  enum class Kind {
    taken,
    too_large,     // the record, or the batch that it was sent in
    row_refused,   // for what it is, or what another record of its batch is
    later,         // it cannot be taken now
    needs_person,  // until somebody changes the broker or the configuration
    fenced,        // another producer has the transactional id, or the broker has ended the transaction
  } kind = Kind::later;
  std::string words;
};

// `code` is librdkafka's.
KafkaAnswer kafka_answer(int code);

// Why a call cannot go on.
struct KafkaFailed : std::runtime_error {
  explicit KafkaFailed(KafkaAnswer answer) : std::runtime_error(answer.words), kind(answer.kind) {}
  KafkaAnswer::Kind kind;
  bool must_abort = false;  // the transaction, which cannot be committed
  bool in_doubt = false;    // the transaction may have been committed
};

}  // namespace edgetide
