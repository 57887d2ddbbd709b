// The sessions of the clients of an MQTT listener, by user and client id. Those that a client wants to keep are noted
// in the journal as positions of the source (message_key_mark), so that it finds its session after our restart: a
// client whose session is gone forgets what was not acknowledged. Which messages were taken before a restart is known
// by the journal (SourceHost::recent_messages).
//
// What is remembered of a client that keeps no session only serves to recognise what it sends again.
//
// Owns:   the sessions. Thread: one owner at a time. Fails: `restore` ignores what it cannot read.
// Limit:  max_message_keys sessions that are kept, max_sessions in all, which is more than there are connections.
//         Beyond, the one whose client has been away for longest is forgotten.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/decoders/decoded_batch.h"
#include "daemon/mqtt/device_session.h"

namespace edgetide {

class DevicePeer;

class DeviceSessions {
 public:
  using Time = std::chrono::steady_clock::time_point;
  static constexpr std::uint32_t without_end = 0xFFFF'FFFF;
  static constexpr std::size_t max_sessions = 16'384;

  struct Entry {
    std::string name;
    DeviceSession session;
    std::uint64_t mark = 0;    // in its fingerprints: tells its messages from those of other clients
    std::uint32_t expiry = 0;  // s after its connection has ended; 0: it ends with that
    bool is_kept = false;
    bool may_be_older = true;  // than this run: its client may still send again what a former one has taken
    std::size_t taken = 0;     // messages in this run that it may send again
    std::optional<std::uint16_t> slot;
    DevicePeer* peer = nullptr;  // that has its connection
    Time left_at{};
  };

  static std::string name_of(std::string_view user, std::string_view client_id);

  // What an earlier run has kept.
  void restore(std::string_view partition, std::string_view bytes, Time now);

  // The session of a client that connects. `is_present`: it was kept.
  Entry& enter(const std::string& name, bool clean, std::uint32_t expiry, Time now, bool& is_present);
  void set_expiry(Entry& entry, std::uint32_t expiry);
  // The connection has ended.
  void leave(Entry& entry, Time now);
  void erase(Entry& entry);

  // What of them has changed goes into the batch at hand; it is in the journal when that was taken.
  void note_changes(DecodedBatch& batch);
  void changes_are_taken() noexcept { changed_.clear(); }

  std::size_t size() const noexcept { return entries_.size(); }

 private:
  using Entries = std::map<std::string, Entry, std::less<>>;

  void keep(Entry& entry);
  void end(Entry& entry);
  bool has_expired(const Entry& entry, Time now) const noexcept;
  Entry* longest_away(bool is_kept) noexcept;
  void make_room(Time now);

  Entries entries_;
  std::map<std::uint16_t, Entry*> slots_;
  std::vector<std::uint16_t> changed_;
};

}  // namespace edgetide
