#include "sinks/kafka_producer.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <memory>
#include <utility>

#include "daemon/broker/kafka_conf.h"

namespace edgetide {

namespace {

using namespace std::chrono_literals;
using ProducerClock = std::chrono::steady_clock;

constexpr auto reach_patience = 15s;
constexpr auto topic_patience = 3s;  // one that the broker makes when it is asked for
constexpr auto transaction_patience = 20s;
constexpr auto abort_patience = 3s;
constexpr int step_ms = 500;  // after which a call that blocks sees an interrupt
constexpr int group_step_ms = 1000;
constexpr char max_unconfirmed[] = "10000";
constexpr char transaction_timeout_ms[] = "180000";
constexpr char unknown_topic_ms[] = "5000";  // after which a record to a topic that is not there fails
constexpr std::size_t least_message_bytes = 1000;
constexpr char max_answer_bytes[] = "4194304";  // the largest lists all topics of the cluster
constexpr char max_fetch_bytes[] = "1048576";   // nothing is fetched; an answer must be able to hold it

using Headers = std::unique_ptr<rd_kafka_headers_t, KafkaDestroy<rd_kafka_headers_destroy>>;
using Topic = std::unique_ptr<rd_kafka_topic_t, KafkaDestroy<rd_kafka_topic_destroy>>;
using GroupMetadata =
    std::unique_ptr<rd_kafka_consumer_group_metadata_t, KafkaDestroy<rd_kafka_consumer_group_metadata_destroy>>;

KafkaConf make_producer_conf(const KafkaSinkOptions& options) {
  KafkaConf conf = make_kafka_conf(options);
  const std::string record_bytes = std::to_string(std::max(least_message_bytes, options.max_message_bytes));
  const std::pair<const char*, std::string> settings[] = {
      {"enable.idempotence", "true"},  // with acks=all, and in order
      {"compression.type", std::string(word_of(kafka_compression_words, options.compression))},
      {"linger.ms", std::to_string(options.linger.count() / 1000)},
      {"partitioner", "murmur2_random"},  // that of Java's clients
      {"message.max.bytes", record_bytes},
      {"batch.size", record_bytes},  // so that a topic that takes the largest record takes each batch
      {"queue.buffering.max.messages", max_unconfirmed},
      {"queue.buffering.max.kbytes", std::to_string(options.max_queued_bytes / 1024)},
      {"topic.metadata.propagation.max.ms", unknown_topic_ms},
      {"receive.message.max.bytes", max_answer_bytes},
  };
  for (const auto& [key, value] : settings) set_kafka(conf.get(), key, value);
  if (!options.transactional_id.empty()) {
    set_kafka(conf.get(), "transactional.id", options.transactional_id);
    set_kafka(conf.get(), "transaction.timeout.ms", transaction_timeout_ms);
  }
  rd_kafka_conf_set_events(conf.get(), RD_KAFKA_EVENT_DR | RD_KAFKA_EVENT_ERROR | RD_KAFKA_EVENT_LOG);
  return conf;
}

KafkaList first_partitions(const std::vector<std::string>& topics) {
  KafkaList list(rd_kafka_topic_partition_list_new(static_cast<int>(topics.size())));
  for (const std::string& topic : topics) rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), 0);
  return list;
}

KafkaFailed failure_of(const char* what, const rd_kafka_error_t* error) {
  KafkaAnswer answer = kafka_answer(rd_kafka_error_code(error));
  const std::string own = rd_kafka_error_string(error);
  answer.words = std::string(what) + ": " + (answer.kind == KafkaAnswer::Kind::needs_person ? answer.words : own);
  return KafkaFailed(std::move(answer));
}

}  // namespace

struct KafkaProducer::Library {
  explicit Library(const KafkaSinkOptions& options)
      : producer(make_kafka_client(RD_KAFKA_PRODUCER, make_producer_conf(options))),
        queue(rd_kafka_queue_get_main(producer)) {}
  ~Library() {
    rd_kafka_purge(producer, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT | RD_KAFKA_PURGE_F_NON_BLOCKING);
    rd_kafka_queue_destroy(queue);
    rd_kafka_destroy(producer);
  }
  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;

  rd_kafka_t* const producer;
  rd_kafka_queue_t* const queue;
  Headers headers;
};

KafkaProducer::KafkaProducer(const KafkaSinkOptions& options, const std::atomic<bool>& interrupted)
    : interrupted_(interrupted), library_(std::make_unique<Library>(options)) {}

KafkaProducer::~KafkaProducer() = default;

void KafkaProducer::check_interrupt() const {
  if (interrupted_) throw KafkaFailed({KafkaAnswer::Kind::later, "interrupted"});
}

// What a connection fails with comes before the word that all are down, and says more.
void KafkaProducer::note_event_error(int code, const char* text) {
  if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) {
    are_all_down_ = true;
    if (!connection_error_.empty()) return;
  }
  connection_error_ = text;
  connection_kind_ = kafka_answer(code).kind;
}

std::size_t KafkaProducer::take_reports(Wait wait,
                                        const std::function<void(std::size_t tag, const KafkaAnswer&)>& take) {
  std::size_t count = 0;
  while (const KafkaEvent event{rd_kafka_queue_poll(library_->queue, static_cast<int>(wait.count()))}) {
    wait = 0ms;
    if (rd_kafka_event_type(event.get()) == RD_KAFKA_EVENT_ERROR) {
      note_event_error(rd_kafka_event_error(event.get()), rd_kafka_event_error_string(event.get()));
    }
    if (rd_kafka_event_type(event.get()) != RD_KAFKA_EVENT_DR) continue;
    while (const rd_kafka_message_t* const message = rd_kafka_event_message_next(event.get())) {
      ++count;
      if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) connection_error_.clear();
      take(reinterpret_cast<std::size_t>(message->_private), kafka_answer(message->err));
    }
  }
  return count;
}

void KafkaProducer::drop_events(Wait wait) {
  take_reports(wait, [](std::size_t, const KafkaAnswer&) {});
}

void KafkaProducer::reach(const std::vector<std::string>& topics) {
  const auto until = ProducerClock::now() + reach_patience;
  const auto topics_until = ProducerClock::now() + topic_patience;
  std::size_t found = 0;
  while (true) {
    try {
      if (topics.empty() && has_topic(nullptr)) return;
      while (found < topics.size() && has_topic(topics[found].c_str())) ++found;
      if (!topics.empty() && found == topics.size()) return;
    } catch (const KafkaFailed&) {
      if (ProducerClock::now() >= topics_until) throw;
    }
    drop_events(50ms);
    check_interrupt();
    const bool is_refused = connection_kind_ == KafkaAnswer::Kind::needs_person && !connection_error_.empty();
    if (is_refused || are_all_down_ || ProducerClock::now() >= until) {
      throw KafkaFailed({is_refused ? connection_kind_ : KafkaAnswer::Kind::later,
                         connection_error_.empty() ? "no broker answers" : connection_error_});
    }
  }
}

// False: not known yet. Throws for a topic that is not there or must not be used; null: any broker will do.
bool KafkaProducer::has_topic(const char* topic) {
  const Topic handle(topic == nullptr ? nullptr : rd_kafka_topic_new(library_->producer, topic, nullptr));
  const rd_kafka_metadata_t* metadata = nullptr;
  const auto error = rd_kafka_metadata(library_->producer, 0, handle.get(), &metadata, step_ms);
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return false;
  const std::unique_ptr<const rd_kafka_metadata_t, KafkaDestroy<rd_kafka_metadata_destroy>> answer(metadata);
  if (topic == nullptr) return true;
  if (metadata->topic_cnt != 1) return false;
  const rd_kafka_resp_err_t of_topic = metadata->topics[0].err;
  if (of_topic == RD_KAFKA_RESP_ERR_NO_ERROR) return true;
  KafkaAnswer means = kafka_answer(of_topic);
  if (means.kind != KafkaAnswer::Kind::needs_person) return false;
  means.words = std::string("topic '") + topic + "': " + means.words;
  throw KafkaFailed(std::move(means));
}

void KafkaProducer::set_headers(const std::vector<KafkaHeader>& headers) {
  library_->headers.reset(rd_kafka_headers_new(headers.size()));
  for (const auto& [name, value] : headers) {
    rd_kafka_header_add(library_->headers.get(), name.c_str(), -1, value.data(), static_cast<ssize_t>(value.size()));
  }
}

bool KafkaProducer::put(const Record& record, KafkaAnswer& answer) {
  Headers headers(rd_kafka_headers_copy(library_->headers.get()));
  const std::string topic(record.topic);
  // Not rd_kafka_producev: its macros are no C++ to clang.
  rd_kafka_vu_t parts[6] = {};
  parts[0].vtype = RD_KAFKA_VTYPE_TOPIC;
  parts[0].u.cstr = topic.c_str();
  parts[1].vtype = RD_KAFKA_VTYPE_KEY;
  parts[1].u.mem = {const_cast<char*>(record.key.data()), record.key.size()};
  parts[2].vtype = RD_KAFKA_VTYPE_VALUE;
  parts[2].u.mem = {const_cast<char*>(record.payload.data()), record.payload.size()};
  parts[3].vtype = RD_KAFKA_VTYPE_HEADERS;
  parts[3].u.headers = headers.get();
  parts[4].vtype = RD_KAFKA_VTYPE_MSGFLAGS;
  parts[4].u.i = RD_KAFKA_MSG_F_COPY;
  parts[5].vtype = RD_KAFKA_VTYPE_OPAQUE;
  parts[5].u.ptr = reinterpret_cast<void*>(record.tag);
  const KafkaError failure(rd_kafka_produceva(library_->producer, parts, std::size(parts)));
  const rd_kafka_resp_err_t error = failure ? rd_kafka_error_code(failure.get()) : RD_KAFKA_RESP_ERR_NO_ERROR;
  if (error == RD_KAFKA_RESP_ERR_NO_ERROR) static_cast<void>(headers.release());  // they are the record's
  if (error == RD_KAFKA_RESP_ERR__QUEUE_FULL) return false;
  answer = kafka_answer(error);
  const bool is_of_record = answer.kind == KafkaAnswer::Kind::taken || answer.kind == KafkaAnswer::Kind::too_large ||
                            answer.kind == KafkaAnswer::Kind::row_refused;
  if (is_of_record) return true;
  answer.words = "a record to topic '" + topic + "': " + answer.words;
  throw KafkaFailed(answer);
}

// ---- transactions

// In steps, so that an interrupt is seen. Each of these calls goes on where the one before it has stopped.
template <class Call>
void KafkaProducer::call(const char* what, std::chrono::seconds patience, const Call& step) {
  const auto until = ProducerClock::now() + patience;
  while (const KafkaError error{step()}) {
    drop_events(50ms);
    if (!rd_kafka_error_is_retriable(error.get()) || ProducerClock::now() >= until) {
      KafkaFailed failed = failure_of(what, error.get());
      if (failed.kind == KafkaAnswer::Kind::later && !connection_error_.empty()) {
        failed = KafkaFailed({connection_kind_, std::string(what) + ": " + connection_error_});
      }
      failed.must_abort = rd_kafka_error_txn_requires_abort(error.get()) != 0;
      throw failed;
    }
    check_interrupt();
  }
}

void KafkaProducer::init_transactions() {
  call("the transactional id cannot be used", transaction_patience,
       [this] { return rd_kafka_init_transactions(library_->producer, step_ms); });
}

void KafkaProducer::begin_transaction() {
  if (const KafkaError error{rd_kafka_begin_transaction(library_->producer)}) {
    throw failure_of("no transaction can begin", error.get());
  }
  is_in_transaction_ = true;
}

void KafkaProducer::set_position(const std::string& group, const std::vector<std::string>& topics, std::int64_t offset,
                                 const std::string& note) {
  const KafkaList list = first_partitions(topics);
  for (int i = 0; i < list->cnt; ++i) {
    list->elems[i].offset = offset;
    list->elems[i].metadata = ::strdup(note.c_str());  // the list frees it
    list->elems[i].metadata_size = note.size();
  }
  const GroupMetadata metadata(rd_kafka_consumer_group_metadata_new(group.c_str()));
  call("the position cannot be written", transaction_patience, [&] {
    return rd_kafka_send_offsets_to_transaction(library_->producer, list.get(), metadata.get(), 10 * step_ms);
  });
}

void KafkaProducer::commit_transaction() {
  try {
    call("the transaction is not committed", transaction_patience,
         [this] { return rd_kafka_commit_transaction(library_->producer, step_ms); });
  } catch (KafkaFailed& failed) {
    failed.in_doubt = !failed.must_abort;
    throw;
  }
  is_in_transaction_ = false;
}

// librdkafka waits for reports to be taken before it aborts.
bool KafkaProducer::purge() noexcept {
  rd_kafka_purge(library_->producer, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
  const auto until = ProducerClock::now() + abort_patience;
  while (rd_kafka_outq_len(library_->producer) > 0 && ProducerClock::now() < until) drop_events(50ms);
  return rd_kafka_outq_len(library_->producer) == 0;
}

void KafkaProducer::abort_transaction() noexcept {
  is_in_transaction_ = false;
  try {
    if (purge())
      call("abort", abort_patience, [this] { return rd_kafka_abort_transaction(library_->producer, step_ms); });
  } catch (const std::exception&) {
    return;
  }
}

std::vector<std::string> kafka_group_notes(const KafkaBrokerOptions& options, const std::string& group,
                                           const std::vector<std::string>& topics, bool stable,
                                           const std::atomic<bool>& interrupted) {
  KafkaConf conf = make_kafka_conf(options);
  set_kafka(conf.get(), "group.id", group);
  set_kafka(conf.get(), "isolation.level", stable ? "read_committed" : "read_uncommitted");
  set_kafka(conf.get(), "fetch.max.bytes", max_fetch_bytes);
  set_kafka(conf.get(), "receive.message.max.bytes", max_answer_bytes);
  rd_kafka_conf_set_events(conf.get(), RD_KAFKA_EVENT_ERROR | RD_KAFKA_EVENT_LOG);
  struct Close {
    void operator()(rd_kafka_t* one) const noexcept {
      rd_kafka_destroy_flags(one, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    }
  };
  const std::unique_ptr<rd_kafka_t, Close> reader(make_kafka_client(RD_KAFKA_CONSUMER, std::move(conf)));
  const std::unique_ptr<rd_kafka_queue_t, KafkaDestroy<rd_kafka_queue_destroy>> events(
      rd_kafka_queue_get_main(reader.get()));
  const auto until = ProducerClock::now() + reach_patience;
  const KafkaList list = first_partitions(topics);
  while (true) {
    const rd_kafka_resp_err_t error = rd_kafka_committed(reader.get(), list.get(), group_step_ms);
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) break;
    KafkaAnswer answer = kafka_answer(error);
    answer.words = "the position cannot be read: " + answer.words;
    if (interrupted || answer.kind != KafkaAnswer::Kind::later || ProducerClock::now() >= until) {
      throw KafkaFailed(std::move(answer));
    }
    const KafkaEvent pause(rd_kafka_queue_poll(events.get(), 50));
  }
  std::vector<std::string> notes;
  for (int i = 0; i < list->cnt; ++i) {
    const rd_kafka_topic_partition_t& one = list->elems[i];
    if (one.err == RD_KAFKA_RESP_ERR_NO_ERROR && one.metadata != nullptr && one.metadata_size > 0) {
      notes.emplace_back(static_cast<const char*>(one.metadata), one.metadata_size);
    }
  }
  return notes;
}

}  // namespace edgetide
