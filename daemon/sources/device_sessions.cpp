#include "daemon/sources/device_sessions.h"

#include <algorithm>

#include "daemon/decoders/message_fingerprint.h"
#include "pipeline/bytes.h"

namespace edgetide {

namespace {

constexpr std::uint8_t session_layout = 1;  // of the bytes of a position
constexpr std::uint64_t mark_mask = 0xFFFF'FFFF;

std::string partition_of(std::uint16_t slot) {
  return {message_key_mark, static_cast<char>(slot & 0xFFU), static_cast<char>(slot >> 8U)};
}

std::string session_bytes(std::string_view name, std::uint32_t expiry) {
  std::string bytes;
  ByteWriter out(bytes);
  out.u8(session_layout);
  out.u32(expiry);
  out.text(name);
  return bytes;
}

}  // namespace

std::string DeviceSessions::name_of(std::string_view user, std::string_view client_id) {
  return std::string(user).append(1, '\0').append(client_id);
}

void DeviceSessions::restore(std::string_view partition, std::string_view bytes, Time now) {
  if (partition.size() != 3 || partition[0] != message_key_mark) return;
  const auto slot = static_cast<std::uint16_t>(static_cast<unsigned char>(partition[1]) |
                                               static_cast<unsigned char>(partition[2]) << 8U);
  ByteReader in(bytes);
  in.require(in.u8() == session_layout);
  const std::uint32_t expiry = in.u32();
  const std::string name(in.text());
  if (!in.ok() || name.empty() || slot >= max_message_keys || entries_.contains(name)) return;
  Entry& entry = entries_[name];
  entry.name = name;
  entry.mark = hash_of(name) & mark_mask;
  entry.expiry = expiry;
  entry.is_kept = true;
  entry.left_at = now;
  entry.slot = slot;
  slots_[slot] = &entry;
}

DeviceSessions::Entry& DeviceSessions::enter(const std::string& name, bool clean, std::uint32_t expiry, Time now,
                                             bool& is_present) {
  auto found = entries_.find(name);
  if (found == entries_.end()) {
    make_room(now);
    found = entries_.emplace(name, Entry()).first;
    found->second.name = name;
    found->second.mark = hash_of(name) & mark_mask;
  }
  Entry& entry = found->second;
  if (entry.is_kept && (clean || has_expired(entry, now))) end(entry);
  is_present = entry.is_kept;
  if (!is_present) entry.session.reset();
  set_expiry(entry, expiry);
  return entry;
}

void DeviceSessions::set_expiry(Entry& entry, std::uint32_t expiry) {
  const bool has_changed = entry.expiry != expiry;
  entry.expiry = expiry;
  if (expiry == 0) {
    if (entry.is_kept) end(entry);
  } else if (!entry.is_kept || has_changed) {
    keep(entry);
  }
}

void DeviceSessions::keep(Entry& entry) {
  entry.is_kept = true;
  if (!entry.slot && slots_.size() == max_message_keys) {
    if (Entry* const oldest = longest_away(true); oldest != nullptr) end(*oldest);
  }
  if (!entry.slot && slots_.size() < max_message_keys) {
    std::uint16_t slot = 0;
    for (const auto& [used, other] : slots_) {
      if (used != slot) break;
      ++slot;
    }
    entry.slot = slot;
    slots_[slot] = &entry;
  }
  if (entry.slot) changed_.push_back(*entry.slot);
}

void DeviceSessions::end(Entry& entry) {
  entry.is_kept = false;
  entry.session.reset();
  if (!entry.slot) return;
  changed_.push_back(*entry.slot);
  slots_.erase(*entry.slot);
  entry.slot.reset();
}

void DeviceSessions::leave(Entry& entry, Time now) {
  entry.peer = nullptr;
  entry.left_at = now;
  // It sends again first, but its connection may break meanwhile.
  const std::size_t enough = entry.session.reuses_ids() ? 1 : DeviceSession::max_in_flight;
  if (entry.taken >= enough) entry.may_be_older = false;
  if (!entry.is_kept) entry.session.reset();
}

void DeviceSessions::erase(Entry& entry) {
  if (entry.is_kept) end(entry);
  entries_.erase(entries_.find(entry.name));
}

bool DeviceSessions::has_expired(const Entry& entry, Time now) const noexcept {
  return entry.peer == nullptr && entry.expiry != without_end &&
         now - entry.left_at >= std::chrono::seconds(entry.expiry);
}

DeviceSessions::Entry* DeviceSessions::longest_away(bool is_kept) noexcept {
  Entry* oldest = nullptr;
  for (auto& [name, entry] : entries_) {
    if (entry.peer != nullptr || entry.is_kept != is_kept) continue;
    if (oldest == nullptr || entry.left_at < oldest->left_at) oldest = &entry;
  }
  return oldest;
}

void DeviceSessions::make_room(Time now) {
  if (entries_.size() < max_sessions) return;
  std::vector<Entry*> expired;
  for (auto& [name, entry] : entries_) {
    if (entry.is_kept && has_expired(entry, now)) expired.push_back(&entry);
  }
  for (Entry* const entry : expired) erase(*entry);
  if (entries_.size() < max_sessions) return;
  Entry* oldest = longest_away(false);
  if (oldest == nullptr) oldest = longest_away(true);
  if (oldest != nullptr) erase(*oldest);
}

void DeviceSessions::note_changes(DecodedBatch& batch) {
  std::sort(changed_.begin(), changed_.end());
  changed_.erase(std::unique(changed_.begin(), changed_.end()), changed_.end());
  for (const std::uint16_t slot : changed_) {
    const auto used = slots_.find(slot);
    const std::string bytes =
        used == slots_.end() ? session_bytes({}, 0) : session_bytes(used->second->name, used->second->expiry);
    batch.states.push_back({batch.keep(partition_of(slot)), batch.keep(bytes)});
  }
}

}  // namespace edgetide
