#include "daemon/decoders/decoded_batch.h"

#include <cstring>

namespace edgetide {

std::string_view DecodedBatch::keep(std::string_view text) {
  if (text.empty()) return {};
  if (text.size() > block_bytes) return large_.emplace_back(text);
  if (blocks_.empty() || used_ + text.size() > block_bytes) {
    if (!blocks_.empty()) ++block_;
    if (block_ == blocks_.size()) blocks_.push_back(std::make_unique<char[]>(block_bytes));
    used_ = 0;
  }
  char* const to = blocks_[block_].get() + used_;
  std::memcpy(to, text.data(), text.size());
  used_ += text.size();
  return {to, text.size()};
}

void DecodedBatch::end_message(std::optional<std::uint64_t> fingerprint, bool redelivered,
                               std::optional<Position> position) {
  const std::uint32_t first_reading = messages.empty() ? 0 : messages.back().end_reading;
  const std::uint32_t first_refusal = messages.empty() ? 0 : messages.back().end_refusal;
  messages.push_back({first_reading,
                      static_cast<std::uint32_t>(readings.size()),
                      first_refusal,
                      static_cast<std::uint32_t>(refusals.size()),
                      fingerprint,
                      redelivered,
                      1,
                      position,
                      {}});
}

void DecodedBatch::clear() noexcept {
  readings.clear();
  labels.clear();
  refusals.clear();
  messages.clear();
  message_count = 0;
  bytes = 0;
  large_.clear();
  block_ = 0;
  used_ = 0;
}

}  // namespace edgetide
