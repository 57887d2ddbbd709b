#include "daemon/decoders/decoded_batch.h"

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <utility>

namespace edgetide {

namespace {

bool is_allowed(const Position& position) noexcept {
  return position.partition.size() <= max_partition_bytes && position.bytes.size() <= max_position_bytes &&
         !position.partition.starts_with(decoder_state_mark);
}

// Apart, so that it costs the usual string nothing.
[[gnu::noinline]] void add_block(std::vector<std::unique_ptr<char[]>>& blocks, std::size_t bytes) {
  blocks.push_back(std::make_unique<char[]>(bytes));
}

}  // namespace

std::string_view DecodedBatch::keep(std::string_view text) {
  if (text.empty()) return {};
  char* const to = room_for(text.size());
  std::memcpy(to, text.data(), text.size());
  return {to, text.size()};
}

std::string_view DecodedBatch::keep_dotted(std::string_view first, std::string_view second) {
  const std::size_t size = first.size() + 1 + second.size();
  char* const to = room_for(size);
  first.copy(to, first.size());
  to[first.size()] = '.';
  second.copy(to + first.size() + 1, second.size());
  return {to, size};
}

// Bytes that live until `clear`. Requires: it is not 0.
char* DecodedBatch::room_for(std::size_t size) {
  if (size > block_bytes) [[unlikely]]
    return large_.emplace_back(size, '\0').data();
  if (blocks_.empty() || used_ + size > block_bytes) [[unlikely]] {
    if (!blocks_.empty()) ++block_;
    if (block_ == blocks_.size()) add_block(blocks_, block_bytes);
    used_ = 0;
  }
  char* const room = blocks_[block_].get() + used_;
  used_ += size;
  return room;
}

void DecodedBatch::end_message(std::optional<std::uint64_t> fingerprint, bool redelivered,
                               std::optional<Position> position) {
  if (position && !is_allowed(*position)) throw std::invalid_argument("the position of a source is beyond its limits");
  DecodedMessage& message = std::exchange(has_bounds_, false) ? messages.back() : add_message();
  message.fingerprint = fingerprint;
  message.redelivered = redelivered;
  message.position = position;
}

DecodedMessage& DecodedBatch::add_message() {
  DecodedMessage message;
  message.first_reading = messages.empty() ? 0 : messages.back().end_reading;
  message.first_refusal = messages.empty() ? 0 : messages.back().end_refusal;
  message.end_reading = static_cast<std::uint32_t>(readings.size());
  message.end_refusal = static_cast<std::uint32_t>(refusals.size());
  return messages.emplace_back(message);
}

void DecodedBatch::begin_bounded_message() {
  key_.reset();
  const DecodedMessage last = messages.empty() ? DecodedMessage() : messages.back();
  if (last.end_reading < readings.size() || last.end_refusal < refusals.size()) add_message();
}

void DecodedBatch::end_bounded_message(std::string_view route, bool has_readings) {
  if (!has_readings) key_.reset();
  DecodedMessage& message = add_message();
  message.key = std::exchange(key_, std::nullopt);
  message.route = route;
  has_bounds_ = true;
}

bool DecodedBatch::keep_state(std::string_view route, std::string_view state_bytes) {
  if (state_bytes.size() > max_decoder_state_bytes) return false;
  const auto same =
      std::find_if(states.begin(), states.end(), [&](const Position& state) { return state.partition == route; });
  if (same == states.end()) {
    states.push_back({keep(route), keep(state_bytes)});
  } else {
    same->bytes = keep(state_bytes);
  }
  return true;
}

// One after another are mostly alike.
void DecodedBatch::note_without_reading(std::string_view route, NoReading reason) {
  const bool is_as_before = !without_reading.empty() && without_reading.back().route.data() == route.data() &&
                            without_reading.back().reason == reason;
  if (!is_as_before) without_reading.push_back({route, reason});
  ++without_reading.back().messages;
}

void DecodedBatch::clear() noexcept {
  readings.clear();
  labels.clear();
  refusals.clear();
  undecoded.clear();
  without_reading.clear();
  messages.clear();
  states.clear();
  replies.clear();
  notices.clear();
  key_.reset();
  has_bounds_ = false;
  inexact = 0;
  message_count = 0;
  bytes = 0;
  if (!large_.empty()) large_.clear();
  block_ = 0;
  used_ = 0;
}

}  // namespace edgetide
