#include "daemon/sources/kafka_consumer.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <librdkafka/rdkafka.h>
#include <limits>
#include <stdexcept>
#include <sys/eventfd.h>
#include <system_error>
#include <thread>
#include <unistd.h>
#include <utility>

#include "daemon/broker/kafka_conf.h"

namespace edgetide {

namespace {

constexpr std::size_t max_headers = 64;
constexpr std::size_t least_receive_bytes = 4 * 1024 * 1024;
constexpr int ask_timeout_ms = 3000;              // an end of the source waits for it
constexpr char metadata_interval_ms[] = "10000";  // a topic that was made is found within it
constexpr std::uint64_t wake_value = 1;

using Failure = KafkaFailure::Kind;

Descriptor make_wake() {
  Descriptor wake(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  if (!wake.is_open()) throw std::runtime_error("no descriptor: " + std::generic_category().message(errno));
  return wake;
}

void set_membership(rd_kafka_conf_t* conf, const KafkaOptions& options) {
  set_kafka(conf, "group.id", options.group_id);
  if (!options.partitions.empty()) return;
  const std::int64_t session_ms = options.session_timeout.count() / 1000;
  set_kafka(conf, "group.instance.id", options.client_id);  // a restart changes nothing in the group
  // All members give up all partitions before any joins again, so that each has written its offsets by then. While one
  // that keeps some (cooperative-sticky) joins, what it writes is refused, and librdkafka then takes all for lost.
  set_kafka(conf, "partition.assignment.strategy", "roundrobin");
  set_kafka(conf, "session.timeout.ms", std::to_string(session_ms));
  set_kafka(conf, "heartbeat.interval.ms", std::to_string(std::min<std::int64_t>(3000, session_ms / 3)));
}

void set_limits(rd_kafka_conf_t* conf, std::size_t queued) {
  set_kafka(conf, "queued.min.messages", "2000");
  set_kafka(conf, "queued.max.messages.kbytes", std::to_string(queued / 1024));
  set_kafka(conf, "fetch.message.max.bytes", std::to_string(queued));
  set_kafka(conf, "message.max.bytes", std::to_string(std::max<std::size_t>(1000, queued)));  // at most fetch.max.bytes
  set_kafka(conf, "fetch.max.bytes", std::to_string(queued));
  set_kafka(conf, "receive.message.max.bytes", std::to_string(std::max(4 * queued, least_receive_bytes)));
}

KafkaConf make_conf(const KafkaOptions& options) {
  KafkaConf conf = make_kafka_conf(options);
  set_membership(conf.get(), options);
  set_limits(conf.get(), options.max_queued_bytes);
  const std::pair<const char*, const char*> others[] = {
      {"enable.auto.commit", "false"},
      {"enable.auto.offset.store", "false"},
      {"auto.offset.reset", "error"},
      {"isolation.level", "read_committed"},
      {"enable.partition.eof", "true"},
      {"allow.auto.create.topics", "false"},
      {"topic.metadata.refresh.interval.ms", metadata_interval_ms},
      {"topic.metadata.propagation.max.ms", metadata_interval_ms},
  };
  for (const auto& [key, value] : others) set_kafka(conf.get(), key, value);
  rd_kafka_conf_set_events(conf.get(), RD_KAFKA_EVENT_FETCH | RD_KAFKA_EVENT_LOG | RD_KAFKA_EVENT_ERROR |
                                           RD_KAFKA_EVENT_REBALANCE | RD_KAFKA_EVENT_OFFSET_COMMIT);
  return conf;
}

KafkaList list_of(const std::vector<KafkaPartition>& partitions) {
  KafkaList list(rd_kafka_topic_partition_list_new(static_cast<int>(partitions.size())));
  for (const KafkaPartition& each : partitions) {
    rd_kafka_topic_partition_list_add(list.get(), each.topic.c_str(), each.number);
  }
  return list;
}

KafkaList list_of(const std::vector<KafkaOffset>& offsets) {
  KafkaList list(rd_kafka_topic_partition_list_new(static_cast<int>(offsets.size())));
  for (const KafkaOffset& each : offsets) {
    rd_kafka_topic_partition_t* const one =
        rd_kafka_topic_partition_list_add(list.get(), each.partition.topic.c_str(), each.partition.number);
    one->offset = each.offset;
    if (each.note.empty()) continue;
    one->metadata = ::strdup(each.note.c_str());  // the list frees it
    one->metadata_size = one->metadata == nullptr ? 0 : each.note.size();
  }
  return list;
}

std::vector<KafkaPartition> partitions_of(const rd_kafka_topic_partition_list_t* list) {
  std::vector<KafkaPartition> partitions;
  for (int i = 0; list != nullptr && i < list->cnt; ++i) {
    partitions.push_back({list->elems[i].topic, list->elems[i].partition});
  }
  return partitions;
}

Failure kind_of(rd_kafka_resp_err_t error) {
  switch (error) {
    case RD_KAFKA_RESP_ERR_NO_ERROR:
      return Failure::none;
    case RD_KAFKA_RESP_ERR__TRANSPORT:
    case RD_KAFKA_RESP_ERR__RESOLVE:
    case RD_KAFKA_RESP_ERR__AUTHENTICATION:
    case RD_KAFKA_RESP_ERR__SSL:
    case RD_KAFKA_RESP_ERR__TIMED_OUT:
    case RD_KAFKA_RESP_ERR__WAIT_COORD:
    case RD_KAFKA_RESP_ERR__BAD_MSG:
      return Failure::broker;
    case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
      return Failure::all_down;
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION:
      return Failure::partition;
    case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_INVALID_GROUP_ID:
    case RD_KAFKA_RESP_ERR_INCONSISTENT_GROUP_PROTOCOL:
      return Failure::group;
    case RD_KAFKA_RESP_ERR__FATAL:
    case RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID:
      return Failure::fatal;
    default:
      return Failure::other;
  }
}

KafkaFailure failure_of(rd_kafka_event_t* event) {
  const rd_kafka_resp_err_t error = rd_kafka_event_error(event);
  if (error == RD_KAFKA_RESP_ERR_NO_ERROR) return {};
  return {kind_of(error), rd_kafka_event_error_string(event)};
}

// A date that no calendar has is left to the check of event times.
std::optional<Timestamp> time_of(const rd_kafka_message_t* message) {
  rd_kafka_timestamp_type_t type = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
  const std::int64_t milliseconds = rd_kafka_message_timestamp(message, &type);
  if (type == RD_KAFKA_TIMESTAMP_NOT_AVAILABLE || milliseconds < 0) return std::nullopt;
  return Timestamp() + Duration::milliseconds(milliseconds);
}

std::string_view bytes_of(const void* data, std::size_t size) {
  return data == nullptr ? std::string_view() : std::string_view(static_cast<const char*>(data), size);
}

void note_error(rd_kafka_event_t* event, KafkaEvents& events) {
  const rd_kafka_resp_err_t error = rd_kafka_event_error(event);
  KafkaFailure failure = failure_of(event);
  std::int64_t offset = no_kafka_offset;
  if (rd_kafka_topic_partition_t* const at = rd_kafka_event_topic_partition(event)) {
    failure.partition = {at->topic, at->partition};
    offset = at->offset;
    rd_kafka_topic_partition_destroy(at);
  }
  if (error == RD_KAFKA_RESP_ERR__PARTITION_EOF) return events.reach_end(failure.partition, offset);
  if (error == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET) return events.miss_offset(failure.partition, offset);
  if (error == RD_KAFKA_RESP_ERR__MAX_POLL_EXCEEDED) return;  // it joins again by itself
  events.note_failure(failure);
}

// Blocks until the group answers, or for ask_timeout_ms. (The call of librdkafka's admin API that would not block fails
// an assertion where a broker comes back after its time is over.)
struct GroupAnswer {
  std::vector<KafkaOffset> offsets;
  KafkaFailure failure;
};
GroupAnswer ask_broker(rd_kafka_t* consumer) {
  const rd_kafka_metadata_t* metadata = nullptr;
  const rd_kafka_resp_err_t error = rd_kafka_metadata(consumer, 0, nullptr, &metadata, ask_timeout_ms);
  if (metadata != nullptr) rd_kafka_metadata_destroy(metadata);
  if (error == RD_KAFKA_RESP_ERR_NO_ERROR) return {};
  return {{}, {kind_of(error), rd_kafka_err2str(error)}};
}
GroupAnswer ask_for_offsets(rd_kafka_t* consumer, const std::vector<KafkaPartition>& partitions) {
  const KafkaList list = list_of(partitions);
  const rd_kafka_resp_err_t error = rd_kafka_committed(consumer, list.get(), ask_timeout_ms);
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return {{}, {kind_of(error), rd_kafka_err2str(error)}};
  GroupAnswer answer;
  for (int i = 0; i < list->cnt; ++i) {
    const rd_kafka_topic_partition_t& one = list->elems[i];
    const bool is_known = one.err == RD_KAFKA_RESP_ERR_NO_ERROR;
    // Of a topic that is not there the group has no offset; other errors pass.
    if (!is_known && kind_of(one.err) != Failure::partition) {
      answer.failure = {Failure::broker, rd_kafka_err2str(one.err)};
    }
    answer.offsets.push_back({{one.topic, one.partition},
                              is_known ? one.offset : no_kafka_offset,
                              std::string(bytes_of(one.metadata, one.metadata_size))});
  }
  return answer;
}

}  // namespace

struct KafkaConsumer::Library {
  Library(const KafkaOptions& options, int wake) {
    consumer = make_kafka_client(RD_KAFKA_CONSUMER, make_conf(options));
    rd_kafka_poll_set_consumer(consumer);
    queue = rd_kafka_queue_get_consumer(consumer);
    rd_kafka_queue_io_event_enable(queue, wake, &wake_value, sizeof wake_value);
  }
  // A member with a fixed name stays one for the session timeout, so there is nothing to leave.
  ~Library() {
    if (asking.joinable()) asking.join();
    rd_kafka_queue_io_event_enable(queue, -1, nullptr, 0);
    rd_kafka_queue_destroy(queue);
    rd_kafka_destroy_flags(consumer, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
  }
  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;

  void rebalance(rd_kafka_event_t* event, KafkaEvents& events) const {
    if (rd_kafka_event_error(event) == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
      events.grant(partitions_of(rd_kafka_event_topic_partition_list(event)));
    } else {
      events.revoke(rd_kafka_assignment_lost(consumer) != 0);
    }
  }

  rd_kafka_t* consumer = nullptr;
  rd_kafka_queue_t* queue = nullptr;
  std::thread asking;
  std::atomic<bool> is_answered = false;
  std::vector<KafkaOffset> offsets;  // the answer
  KafkaFailure failure;
};

KafkaConsumer::KafkaConsumer(const KafkaOptions& options, bool reads_headers)
    : reads_headers_(reads_headers), wake_(make_wake()), library_(std::make_unique<Library>(options, wake_.get())) {}

KafkaConsumer::~KafkaConsumer() {
  release_records();
}

std::string KafkaConsumer::subscribe(const std::vector<std::string>& topics, const std::string& pattern) {
  const KafkaList list(rd_kafka_topic_partition_list_new(static_cast<int>(topics.size()) + 1));
  const auto add = [&](const std::string& text) {
    rd_kafka_topic_partition_list_add(list.get(), text.c_str(), RD_KAFKA_PARTITION_UA);
  };
  for (const std::string& topic : topics) add(topic);
  if (!pattern.empty()) add("^(" + pattern + ")$");
  const rd_kafka_resp_err_t error = rd_kafka_subscribe(library_->consumer, list.get());
  return error == RD_KAFKA_RESP_ERR_NO_ERROR ? std::string() : rd_kafka_err2str(error);
}

bool KafkaConsumer::poll(KafkaEvents& events) {
  if (library_->is_answered.exchange(false)) {
    library_->asking.join();
    events.note_group(std::move(library_->offsets), library_->failure);
    return true;
  }
  KafkaEvent event(rd_kafka_queue_poll(library_->queue, 0));
  if (!event) return false;
  switch (rd_kafka_event_type(event.get())) {
    case RD_KAFKA_EVENT_FETCH:
      give_record(event.release(), events);
      break;
    case RD_KAFKA_EVENT_ERROR:
      note_error(event.get(), events);
      break;
    case RD_KAFKA_EVENT_REBALANCE:
      library_->rebalance(event.get(), events);
      break;
    case RD_KAFKA_EVENT_OFFSET_COMMIT:
      events.note_committed(failure_of(event.get()));
      break;
    case RD_KAFKA_EVENT_LOG: {
      const char *facility = "", *text = "";
      int level = 0;
      if (rd_kafka_event_log(event.get(), &facility, &text, &level) == 0) events.note_log(text);
      break;
    }
    default:
      break;
  }
  return true;
}

void KafkaConsumer::give_record(void* event, KafkaEvents& events) {
  records_.push_back(event);
  const rd_kafka_message_t* const message = rd_kafka_event_message_next(static_cast<rd_kafka_event_t*>(event));
  if (message == nullptr) return;
  if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
    events.note_failure({kind_of(message->err), rd_kafka_message_errstr(message)});
    return;
  }
  events.take_record({.topic = rd_kafka_topic_name(message->rkt),
                      .partition = message->partition,
                      .offset = message->offset,
                      .key = bytes_of(message->key, message->key_len),
                      .payload = bytes_of(message->payload, message->len),
                      .has_payload = message->payload != nullptr,
                      .time = time_of(message),
                      .headers = reads_headers_ ? headers_of(message) : std::span<const MessageProperty>()});
}

// Reading them costs an allocation each.
std::span<const MessageProperty> KafkaConsumer::headers_of(const void* message) {
  headers_.clear();
  rd_kafka_headers_t* headers = nullptr;
  const auto* const of_record = static_cast<const rd_kafka_message_t*>(message);
  if (rd_kafka_message_headers(of_record, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR) return {};
  const char* name = nullptr;
  const void* value = nullptr;
  std::size_t size = 0;
  while (headers_.size() < max_headers &&
         rd_kafka_header_get_all(headers, headers_.size(), &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR) {
    headers_.push_back({name, bytes_of(value, size)});
  }
  return headers_;
}

void KafkaConsumer::release_records() noexcept {
  for (void* const event : records_) rd_kafka_event_destroy(static_cast<rd_kafka_event_t*>(event));
  records_.clear();
}

void KafkaConsumer::clear_wake() noexcept {
  std::uint64_t count = 0;
  static_cast<void>(!::read(wake_.get(), &count, sizeof count));
}

void KafkaConsumer::assign(const std::vector<KafkaOffset>& from) {
  const KafkaList list = list_of(from);
  rd_kafka_assign(library_->consumer, list.get());  // it logs why it fails
}

void KafkaConsumer::unassign() {
  rd_kafka_assign(library_->consumer, nullptr);
}

void KafkaConsumer::seek(const std::vector<KafkaOffset>& to) {
  const KafkaList list = list_of(to);
  const KafkaError error(rd_kafka_seek_partitions(library_->consumer, list.get(), 0));
}

void KafkaConsumer::pause(const std::vector<KafkaPartition>& partitions) {
  const KafkaList list = list_of(partitions);
  rd_kafka_pause_partitions(library_->consumer, list.get());
}

void KafkaConsumer::resume(const std::vector<KafkaPartition>& partitions) {
  const KafkaList list = list_of(partitions);
  rd_kafka_resume_partitions(library_->consumer, list.get());
}

bool KafkaConsumer::commit(const std::vector<KafkaOffset>& offsets) {
  const KafkaList list = list_of(offsets);
  return rd_kafka_commit_queue(library_->consumer, list.get(), library_->queue, nullptr, nullptr) ==
         RD_KAFKA_RESP_ERR_NO_ERROR;
}

void KafkaConsumer::ask_group(const std::vector<KafkaPartition>& partitions) {
  library_->asking = std::thread([library = library_.get(), partitions, wake = wake_.get()] {
    GroupAnswer answer =
        partitions.empty() ? ask_broker(library->consumer) : ask_for_offsets(library->consumer, partitions);
    library->offsets = std::move(answer.offsets);
    library->failure = std::move(answer.failure);
    library->is_answered = true;
    static_cast<void>(!::write(wake, &wake_value, sizeof wake_value));
  });
}

}  // namespace edgetide
