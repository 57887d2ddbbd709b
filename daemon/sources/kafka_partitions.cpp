#include "daemon/sources/kafka_partitions.h"

#include <algorithm>

#include "daemon/sources/kafka_position.h"

namespace edgetide {

KafkaPartitions::Entry& KafkaPartitions::at(const KafkaPartition& partition) {
  const auto [entry, is_new] = all_.try_emplace(partition);
  if (is_new) {
    entry->second.name = to_text(partition);
    entry->second.levels = partition.topic;
    std::replace(entry->second.levels.begin(), entry->second.levels.end(), '.', '/');
  }
  return *entry;
}

bool KafkaPartitions::knows_topic(const std::string& topic) const {
  return std::any_of(all_.begin(), all_.end(), [&](const Entry& entry) {
    return entry.first.topic == topic && entry.second.taken != no_kafka_offset;
  });
}

std::vector<KafkaPartition> KafkaPartitions::assigned() const {
  std::vector<KafkaPartition> partitions;
  for (const auto& [partition, state] : all_) {
    if (state.is_read) partitions.push_back(partition);
  }
  return partitions;
}

std::size_t KafkaPartitions::assigned_count() const {
  return static_cast<std::size_t>(
      std::count_if(all_.begin(), all_.end(), [](const Entry& entry) { return entry.second.is_read; }));
}

bool KafkaPartitions::is_behind() const {
  return std::any_of(all_.begin(), all_.end(), [](const Entry& entry) {
    return entry.second.is_read && !entry.second.is_at_end && entry.second.problem.empty();
  });
}

bool KafkaPartitions::has_moved() const {
  return std::any_of(all_.begin(), all_.end(), [](const Entry& entry) {
    return entry.second.is_read && entry.second.read != entry.second.taken;
  });
}

std::vector<KafkaOffset> KafkaPartitions::uncommitted(const std::string& note) const {
  std::vector<KafkaOffset> offsets;
  for (const auto& [partition, state] : all_) {
    if (!state.is_read || state.taken < 0 || state.taken == state.committed) continue;
    offsets.push_back({partition, state.taken, note});
  }
  return offsets;
}

void KafkaPartitions::note_taken() {
  for (auto& [partition, state] : all_) {
    if (state.is_read) state.taken = state.read;
  }
}

std::vector<KafkaOffset> KafkaPartitions::rewind() {
  for (auto& [partition, state] : all_) {
    if (!state.is_read || state.read == state.taken) continue;
    state.read = state.taken;
    state.is_skipped = true;
  }
  return skipped();
}

std::vector<KafkaOffset> KafkaPartitions::skipped() {
  std::vector<KafkaOffset> offsets;
  for (auto& [partition, state] : all_) {
    if (!state.is_read || !state.is_skipped) continue;
    state.is_skipped = false;
    state.is_at_end = false;
    offsets.push_back({partition, state.read});
  }
  return offsets;
}

}  // namespace edgetide
