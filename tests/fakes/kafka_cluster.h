// Brokers in this process (librdkafka's mock cluster) with a producer, what their topics have, and what a group has
// stored there.
//
// Thread: one. Fails: EXPECT, in the calling test.
#pragma once

#include <algorithm>
#include <cstdint>
#include <gtest/gtest.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace edgetide::test {

struct SentRecord {
  std::string payload;
  std::string key = {};
  std::map<std::string, std::string> headers = {};
  std::int64_t time_ms = 0;  // 0: now
  bool is_deletion = false;  // no payload
};

struct ReceivedRecord {
  std::int32_t partition = 0;
  std::string key;
  std::string payload;
  std::map<std::string, std::string> headers;
};

class KafkaCluster {
 public:
  KafkaCluster() {
    rd_kafka_conf_t* const conf = rd_kafka_conf_new();
    rd_kafka_conf_set(conf, "test.mock.num.brokers", "1", nullptr, 0);
    rd_kafka_conf_set(conf, "log_level", "0", nullptr, 0);
    rd_kafka_conf_set(conf, "linger.ms", "1", nullptr, 0);
    producer_ = rd_kafka_new(RD_KAFKA_PRODUCER, conf, nullptr, 0);
    mock_ = rd_kafka_handle_mock_cluster(producer_);
  }
  ~KafkaCluster() { rd_kafka_destroy(producer_); }
  KafkaCluster(const KafkaCluster&) = delete;
  KafkaCluster& operator=(const KafkaCluster&) = delete;

  std::string servers() const { return rd_kafka_mock_cluster_bootstraps(mock_); }
  void make_topic(const std::string& topic, int partitions) {
    EXPECT_EQ(rd_kafka_mock_topic_create(mock_, topic.c_str(), partitions, 1), RD_KAFKA_RESP_ERR_NO_ERROR);
  }
  void set_up(bool up) { up ? rd_kafka_mock_broker_set_up(mock_, -1) : rd_kafka_mock_broker_set_down(mock_, -1); }
  // As if the topic were not there; with true again.
  void show_topic(const std::string& topic, bool is_there) {
    rd_kafka_mock_topic_set_error(mock_, topic.c_str(),
                                  is_there ? RD_KAFKA_RESP_ERR_NO_ERROR : RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
  }

  // The next requests of this kind (a number of Kafka's protocol) are answered with these errors, one each.
  void answer_with(std::int16_t request, const std::vector<rd_kafka_resp_err_t>& errors) {
    rd_kafka_mock_push_request_errors_array(mock_, request, errors.size(), errors.data());
  }

  // All that a topic has, partition by partition; of aborted transactions as well, which the mock keeps.
  std::vector<ReceivedRecord> records(const std::string& topic, int partitions = 1) const {
    std::vector<ReceivedRecord> all;
    rd_kafka_conf_t* const conf = rd_kafka_conf_new();
    rd_kafka_conf_set(conf, "bootstrap.servers", servers().c_str(), nullptr, 0);
    rd_kafka_conf_set(conf, "group.id", "reader", nullptr, 0);
    rd_kafka_conf_set(conf, "enable.partition.eof", "true", nullptr, 0);
    rd_kafka_t* const reader = rd_kafka_new(RD_KAFKA_CONSUMER, conf, nullptr, 0);
    rd_kafka_topic_partition_list_t* const list = rd_kafka_topic_partition_list_new(partitions);
    for (int i = 0; i < partitions; ++i) {
      rd_kafka_topic_partition_list_add(list, topic.c_str(), i)->offset = RD_KAFKA_OFFSET_BEGINNING;
    }
    rd_kafka_assign(reader, list);
    for (int ended = 0; ended < partitions;) {
      rd_kafka_message_t* const message = rd_kafka_consumer_poll(reader, 30'000);
      if (message == nullptr) break;
      if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) all.push_back(received(message));
      ended += message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF;
      rd_kafka_message_destroy(message);
    }
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_destroy(reader);
    std::stable_sort(all.begin(), all.end(),
                     [](const ReceivedRecord& a, const ReceivedRecord& b) { return a.partition < b.partition; });
    return all;
  }

  void send(const std::string& topic, std::int32_t partition, const SentRecord& record) {
    rd_kafka_headers_t* const headers = rd_kafka_headers_new(1);
    for (const auto& [name, value] : record.headers) {
      rd_kafka_header_add(headers, name.c_str(), -1, value.data(), static_cast<ssize_t>(value.size()));
    }
    const char* const payload = record.is_deletion ? nullptr : record.payload.data();
    const rd_kafka_resp_err_t error = rd_kafka_producev(
        producer_, RD_KAFKA_V_TOPIC(topic.c_str()), RD_KAFKA_V_PARTITION(partition),
        RD_KAFKA_V_VALUE(const_cast<char*>(payload), record.is_deletion ? 0 : record.payload.size()),
        RD_KAFKA_V_KEY(record.key.data(), record.key.size()), RD_KAFKA_V_TIMESTAMP(record.time_ms),
        RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY | RD_KAFKA_MSG_F_BLOCK), RD_KAFKA_V_END);
    EXPECT_EQ(error, RD_KAFKA_RESP_ERR_NO_ERROR) << rd_kafka_err2str(error);
  }
  // Numbers, one a record.
  void send_numbers(const std::string& topic, std::int32_t partition, int first, int last) {
    for (int i = first; i <= last; ++i) send(topic, partition, {.payload = std::to_string(i), .key = "a"});
    flush();
  }
  void flush() { EXPECT_EQ(rd_kafka_flush(producer_, 30'000), RD_KAFKA_RESP_ERR_NO_ERROR); }

  // Offset and note; (-1001, "") if there is none.
  std::pair<std::int64_t, std::string> stored(const std::string& group, const std::string& topic,
                                              std::int32_t partition) const {
    std::pair<std::int64_t, std::string> found;
    with_member(group, [&](rd_kafka_t* member) {
      rd_kafka_topic_partition_list_t* const list = rd_kafka_topic_partition_list_new(1);
      const auto one = rd_kafka_topic_partition_list_add(list, topic.c_str(), partition);
      EXPECT_EQ(rd_kafka_committed(member, list, 30'000), RD_KAFKA_RESP_ERR_NO_ERROR);
      found = {one->offset, std::string(static_cast<const char*>(one->metadata), one->metadata_size)};
      rd_kafka_topic_partition_list_destroy(list);
    });
    return found;
  }
  void store(const std::string& group, const std::string& topic, std::int32_t partition, std::int64_t offset,
             const std::string& note) const {
    with_member(group, [&](rd_kafka_t* member) {
      rd_kafka_topic_partition_list_t* const list = rd_kafka_topic_partition_list_new(1);
      const auto one = rd_kafka_topic_partition_list_add(list, topic.c_str(), partition);
      one->offset = offset;
      one->metadata = ::strdup(note.c_str());
      one->metadata_size = note.size();
      EXPECT_EQ(rd_kafka_commit(member, list, 0), RD_KAFKA_RESP_ERR_NO_ERROR);
      rd_kafka_topic_partition_list_destroy(list);
    });
  }

 private:
  static ReceivedRecord received(const rd_kafka_message_t* message) {
    ReceivedRecord record{message->partition,
                          std::string(static_cast<const char*>(message->key), message->key_len),
                          std::string(static_cast<const char*>(message->payload), message->len),
                          {}};
    rd_kafka_headers_t* headers = nullptr;
    if (rd_kafka_message_headers(message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR) return record;
    const char* name = nullptr;
    const void* value = nullptr;
    std::size_t size = 0;
    for (std::size_t i = 0; rd_kafka_header_get_all(headers, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR;
         ++i) {
      record.headers[name] = std::string(static_cast<const char*>(value), size);
    }
    return record;
  }

  template <class Use>
  void with_member(const std::string& group, Use&& use) const {
    rd_kafka_conf_t* const conf = rd_kafka_conf_new();
    rd_kafka_conf_set(conf, "bootstrap.servers", servers().c_str(), nullptr, 0);
    rd_kafka_conf_set(conf, "group.id", group.c_str(), nullptr, 0);
    rd_kafka_t* const member = rd_kafka_new(RD_KAFKA_CONSUMER, conf, nullptr, 0);
    use(member);
    rd_kafka_destroy(member);
  }

  rd_kafka_t* producer_ = nullptr;
  rd_kafka_mock_cluster_t* mock_ = nullptr;
};

}  // namespace edgetide::test
