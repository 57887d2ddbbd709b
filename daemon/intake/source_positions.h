// Where each source was with the newest message that was taken, by partition: what it is given back when it starts.
//
// A source is known by its name, and keeps its positions while it is out of the configuration, until the daemon starts
// without it.
//
// Owns:   the bytes. Thread: one owner at a time (the intake lock). Fails: never; `load` leaves the reader not `ok`.
// Limit:  max_partitions of a source, as many states of its decoders, and max_message_keys keys of messages; beyond,
//         the one that has not moved for the longest time is forgotten and counted. A source resumes that partition
//         from its beginning.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/sources/source.h"
#include "pipeline/bytes.h"

namespace edgetide {

class SourcePositions {
 public:
  static constexpr std::size_t max_partitions = 256;

  // Allocates nothing once it knows the partition.
  void note(std::string_view source, std::string_view partition, std::string_view bytes) {
    auto of_source = sources_.find(source);
    if (of_source == sources_.end()) of_source = sources_.emplace(source, Partitions()).first;
    Partitions& partitions = of_source->second;
    auto found = partitions.find(partition);
    if (found == partitions.end()) {
      make_room(partitions, kind_of(partition));
      found = partitions.emplace(partition, Entry()).first;
    }
    found->second.bytes.assign(bytes);
    found->second.moved = ++moves_;
  }

  std::vector<StoredPosition> of(std::string_view source) const {
    std::vector<StoredPosition> positions;
    const auto of_source = sources_.find(source);
    if (of_source == sources_.end()) return positions;
    for (const auto& [partition, entry] : of_source->second) positions.push_back({partition, entry.bytes});
    return positions;
  }

  // Those of other sources are forgotten.
  void keep(const std::vector<std::string>& names) {
    std::erase_if(sources_,
                  [&](const auto& one) { return std::find(names.begin(), names.end(), one.first) == names.end(); });
  }

  std::uint64_t forgotten() const noexcept { return forgotten_; }  // partitions, since the start

  void save(ByteWriter& out) const {
    out.u32(static_cast<std::uint32_t>(sources_.size()));
    for (const auto& [name, partitions] : sources_) {
      out.text(name);
      out.u32(static_cast<std::uint32_t>(partitions.size()));
      for (const auto& [partition, entry] : partitions) {
        out.text(partition);
        out.text(entry.bytes);
        out.u64(entry.moved);
      }
    }
  }
  void load(ByteReader& in) {
    *this = {};
    const std::uint32_t sources = in.u32();
    for (std::uint32_t i = 0; in.ok() && i < sources; ++i) {
      Partitions& partitions = sources_[std::string(in.text())];
      const std::uint32_t count = in.u32();
      for (std::uint32_t j = 0; in.ok() && j < count; ++j) {
        Entry& entry = partitions[std::string(in.text())];
        entry.bytes = in.text();
        entry.moved = in.u64();
        moves_ = std::max(moves_, entry.moved);
      }
    }
  }

 private:
  struct Entry {
    std::string bytes;
    std::uint64_t moved = 0;  // the higher, the later
  };
  using Partitions = std::map<std::string, Entry, std::less<>>;

  enum class Kind { position, decoder_state, message_key };
  static Kind kind_of(std::string_view partition) noexcept {
    if (partition.starts_with(decoder_state_mark)) return Kind::decoder_state;
    return partition.starts_with(message_key_mark) ? Kind::message_key : Kind::position;
  }

  void make_room(Partitions& partitions, Kind kind) {
    std::size_t count = 0;
    auto oldest = partitions.end();
    for (auto one = partitions.begin(); one != partitions.end(); ++one) {
      if (kind_of(one->first) != kind) continue;
      ++count;
      if (oldest == partitions.end() || one->second.moved < oldest->second.moved) oldest = one;
    }
    if (count < (kind == Kind::message_key ? max_message_keys : max_partitions)) return;
    partitions.erase(oldest);
    ++forgotten_;
  }

  std::map<std::string, Partitions, std::less<>> sources_;
  std::uint64_t moves_ = 0;
  std::uint64_t forgotten_ = 0;
};

}  // namespace edgetide
