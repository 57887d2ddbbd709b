// Idempotency keys of requests and what they were answered, so that one that is sent again is answered as before and
// counts once. A key is kept with the readings of its request: as a position of the source (message_key_mark), so it is
// in the journal exactly if they are.
//
// A key belongs to its path. Of key and body hashes are kept, not the bytes.
//
// Owns:   the entries. Thread: one owner at a time. Fails: `restore` ignores what it cannot read.
// Limit:  the newest max_message_keys of a source, each for `remembered_for`: of running time, so that
//         setting the clock makes none older.
// See:    draft-ietf-httpapi-idempotency-key-header-07
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/decoders/decoded_batch.h"
#include "daemon/sources/http_answers.h"
#include "pipeline/time.h"

namespace edgetide {

class HttpKeyMemory {
 public:
  static constexpr Duration remembered_for = Duration::days(1);
  static constexpr std::size_t max_key_bytes = 255;
  using Key = std::array<std::uint64_t, 2>;

  struct Entry {
    Key key{};
    std::uint64_t body = 0;  // its hash
    Duration at{};           // running time
    HttpOutcome outcome{};
    std::uint64_t record = 0;  // of the journal; 0: durable
  };

  static Key key_of(std::string_view path, std::string_view key);

  // What an earlier run has kept.
  void restore(std::string_view partition, std::string_view bytes, Moment now);

  // Nothing: it is not known, or too old.
  const Entry* find(const Key& key, Duration now) const;

  // The position that keeps this entry; valid until the next call.
  Position position_of(const Entry& entry);
  // It was taken with that position.
  void add(const Entry& entry);

 private:
  struct Slot {
    std::uint64_t number = 0;  // of the entry, from 1; 0: free
    Entry entry;
  };
  std::size_t next_slot() const noexcept { return static_cast<std::size_t>(newest_ % max_message_keys); }
  void put(std::size_t slot, std::uint64_t number, const Entry& entry);

  std::uint64_t newest_ = 0;  // number of the newest entry
  std::vector<Slot> slots_;
  std::map<Key, std::size_t> slot_of_;
  std::string partition_, bytes_;
};

}  // namespace edgetide
