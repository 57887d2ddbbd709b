// The partitions of a Kafka source: which are read, how far, and what the group knows of that.
//
// Thread: one owner at a time. Fails: never.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "daemon/sources/kafka_options.h"

namespace edgetide {

struct ReadPartition {
  std::string name;         // in the journal
  std::string levels;       // its topic as routes see it: with a slash for each dot
  bool is_read = false;     // assigned, and records of it are taken
  bool is_at_end = false;   // all that there is was read
  bool is_skipped = false;  // a record was not taken: it is to be read again from `read`
  // The offset behind the last record: no_kafka_offset where there is none.
  std::int64_t taken = no_kafka_offset;      // that the host took
  std::int64_t read = no_kafka_offset;       // in the batch at hand too
  std::int64_t committed = no_kafka_offset;  // that the group knows from us
  std::int64_t lost_from = no_kafka_offset;  // the next record shows how much is missing from here on
  std::string problem = {};
};

// By topic and number.
struct PartitionOrder {
  using is_transparent = void;
  using Key = std::pair<std::string_view, std::int32_t>;
  static Key key(const KafkaPartition& partition) noexcept { return {partition.topic, partition.number}; }
  static const Key& key(const Key& key) noexcept { return key; }
  template <class A, class B>
  bool operator()(const A& a, const B& b) const noexcept {
    return key(a) < key(b);
  }
};

class KafkaPartitions {
 public:
  using Map = std::map<KafkaPartition, ReadPartition, PartitionOrder>;
  using Entry = Map::value_type;

  // Records of one partition come in a row.
  Entry* find(std::string_view topic, std::int32_t number) {
    if (newest_ != nullptr && newest_->first.number == number && newest_->first.topic == topic) return newest_;
    const auto found = all_.find(PartitionOrder::Key(topic, number));
    return found == all_.end() ? nullptr : newest_ = &*found;
  }
  Entry& at(const KafkaPartition& partition);

  bool knows_topic(const std::string& topic) const;
  std::vector<KafkaPartition> assigned() const;
  std::size_t assigned_count() const;
  // Something waits to be read.
  bool is_behind() const;
  // An offset of the batch at hand that the host does not have.
  bool has_moved() const;

  // What the group does not know yet.
  std::vector<KafkaOffset> uncommitted(const std::string& note) const;

  void note_taken();
  // All assigned ones are back where the host has them; what is to be sought.
  std::vector<KafkaOffset> rewind();
  // Those of which a record was skipped.
  std::vector<KafkaOffset> skipped();

  Map::iterator begin() { return all_.begin(); }
  Map::iterator end() { return all_.end(); }
  Map::const_iterator begin() const { return all_.begin(); }
  Map::const_iterator end() const { return all_.end(); }
  void clear() { all_.clear(), newest_ = nullptr; }

 private:
  Map all_;
  Entry* newest_ = nullptr;
};

}  // namespace edgetide
