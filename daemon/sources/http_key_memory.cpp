#include "daemon/sources/http_key_memory.h"

#include <algorithm>

#include "daemon/decoders/message_fingerprint.h"
#include "pipeline/bytes.h"

namespace edgetide {

namespace {

constexpr std::uint8_t key_layout = 2, layout_of_wall_time = 1;  // of the bytes of a position

}  // namespace

HttpKeyMemory::Key HttpKeyMemory::key_of(std::string_view path, std::string_view key) {
  return wide_hash_of(std::string(path).append(1, '\0').append(key));
}

// Before layout 2 the time was that of the wall clock, right or not.
void HttpKeyMemory::restore(std::string_view partition, std::string_view bytes, Moment now) {
  if (!partition.starts_with(message_key_mark)) return;
  ByteReader in(bytes);
  const std::uint8_t layout = in.u8();
  in.require(layout == key_layout || layout == layout_of_wall_time);
  const std::uint64_t number = in.u64();
  Entry entry;
  entry.key = {in.u64(), 0};
  entry.key[1] = in.u64();
  entry.body = in.u64();
  entry.at = layout == key_layout ? in.duration() : now.running - std::max(now.wall - in.time(), Duration());
  entry.outcome.accepted = in.u32();
  entry.outcome.refused = in.u32();
  const std::uint8_t reason = in.u8();
  in.require(reason < refusal_count && number > 0);
  entry.outcome.reason = static_cast<Refusal>(reason);
  entry.outcome.offset = in.u32();
  entry.outcome.line = in.u32();
  if (!in.ok()) return;
  put(static_cast<std::size_t>((number - 1) % max_message_keys), number, entry);
}

const HttpKeyMemory::Entry* HttpKeyMemory::find(const Key& key, Duration now) const {
  const auto found = slot_of_.find(key);
  if (found == slot_of_.end()) return nullptr;
  const Entry& entry = slots_[found->second].entry;
  return now - entry.at > remembered_for ? nullptr : &entry;
}

Position HttpKeyMemory::position_of(const Entry& entry) {
  const std::size_t slot = next_slot();
  partition_ = {message_key_mark, static_cast<char>(slot & 0xFF), static_cast<char>(slot >> 8)};
  bytes_.clear();
  ByteWriter out(bytes_);
  out.u8(key_layout);
  out.u64(newest_ + 1);
  out.u64(entry.key[0]);
  out.u64(entry.key[1]);
  out.u64(entry.body);
  out.duration(entry.at);
  out.u32(entry.outcome.accepted);
  out.u32(entry.outcome.refused);
  out.u8(static_cast<std::uint8_t>(entry.outcome.reason));
  out.u32(entry.outcome.offset);
  out.u32(entry.outcome.line);
  return {partition_, bytes_};
}

void HttpKeyMemory::add(const Entry& entry) {
  put(next_slot(), newest_ + 1, entry);
}

void HttpKeyMemory::put(std::size_t slot, std::uint64_t number, const Entry& entry) {
  if (slots_.size() <= slot) slots_.resize(slot + 1);
  const auto former = slot_of_.find(slots_[slot].entry.key);
  if (slots_[slot].number > 0 && former != slot_of_.end() && former->second == slot) slot_of_.erase(former);
  slots_[slot] = {number, entry};
  const auto same = slot_of_.find(entry.key);
  // After a day a key may be used again: the later entry counts.
  if (same == slot_of_.end() || slots_[same->second].number < number) slot_of_[entry.key] = slot;
  newest_ = std::max(newest_, number);
}

}  // namespace edgetide
