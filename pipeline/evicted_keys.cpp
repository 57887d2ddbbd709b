#include "pipeline/evicted_keys.h"

#include <algorithm>

#include "pipeline/name_hash.h"

namespace edgetide {

namespace {

constexpr std::uint64_t entry_bytes = 16;

// Without a secret, since it is in snapshots: a peer that can choose a name that meets another may as well use that.
std::uint64_t hash_of(std::string_view sensor, std::string_view metric) noexcept {
  static const NameHash hash(0);
  return hash.wide(NameHash::lengths_of(sensor, metric), sensor, metric);
}

constexpr auto has_less_hash = [](const auto& entry, std::uint64_t hash) noexcept { return entry.hash < hash; };

}  // namespace

void EvictedKeys::remember(std::string_view sensor, std::string_view metric, Timestamp reached) {
  remember({hash_of(sensor, metric), reached});
}

void EvictedKeys::remember(const Entry& entry) {
  if (entry.reached <= floor_) return;
  const auto at = std::lower_bound(entries_.begin(), entries_.end(), entry.hash, has_less_hash);
  if (at != entries_.end() && at->hash == entry.hash) {
    at->reached = std::max(at->reached, entry.reached);
    return;
  }
  entries_.insert(at, entry);
  if (entries_.size() > limit_) forget_earliest();
}

Timestamp EvictedKeys::recall(std::string_view sensor, std::string_view metric) {
  if (entries_.empty()) return floor_;
  const std::uint64_t hash = hash_of(sensor, metric);
  const auto at = std::lower_bound(entries_.begin(), entries_.end(), hash, has_less_hash);
  if (at == entries_.end() || at->hash != hash) return floor_;
  const Timestamp reached = at->reached;
  entries_.erase(at);
  return reached;
}

void EvictedKeys::adopt(const EvictedKeys& other, Duration later) {
  if (other.floor_ != Timestamp::earliest()) floor_ = std::max(floor_, other.floor_ + later);
  for (const Entry& entry : other.entries_) remember({entry.hash, entry.reached + later});
}

// Whatever the order of hashes is: all that are no later than the floor are implied by it.
void EvictedKeys::forget_earliest() {
  std::vector<Timestamp> times;
  for (const Entry& entry : entries_) times.push_back(entry.reached);
  const auto last_forgotten = times.begin() + static_cast<std::ptrdiff_t>(entries_.size() / 4);
  std::nth_element(times.begin(), last_forgotten, times.end());
  floor_ = *last_forgotten;
  std::erase_if(entries_, [this](const Entry& entry) { return entry.reached <= floor_; });
}

void EvictedKeys::save(ByteWriter& out) const {
  out.time(floor_);
  out.u32(static_cast<std::uint32_t>(entries_.size()));
  for (const Entry& entry : entries_) {
    out.u64(entry.hash);
    out.time(entry.reached);
  }
}

void EvictedKeys::load(ByteReader& in) {
  floor_ = in.time();
  entries_.clear();
  const std::uint32_t count = in.u32();
  if (!in.has(count, entry_bytes)) return;
  entries_.reserve(count);
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::uint64_t hash = in.u64();
    in.require(entries_.empty() || entries_.back().hash < hash);
    entries_.push_back({hash, in.time()});
  }
  while (entries_.size() > limit_) forget_earliest();  // the limit is lower than in an earlier run
}

}  // namespace edgetide
