#include "daemon/sources/socket_intake.h"

#include <cassert>
#include <utility>

namespace edgetide {

namespace {

constexpr std::size_t buffer_bytes = 64 * 1024;

}  // namespace

SocketIntake::SocketIntake(Offer offer, SetReading set_reading)
    : offer_(std::move(offer)), set_reading_(std::move(set_reading)) {}

std::string& SocketIntake::buffer() {
  if (buffer_.empty()) buffer_.resize(buffer_bytes);
  return buffer_;
}

DecodedBatch& SocketIntake::begin_batch() noexcept {
  assert(!held_);
  batch_.clear();
  return batch_;
}

void SocketIntake::offer(const BoundSocket& socket, Then then) {
  const Acceptance acceptance = offer_(socket.id, batch_);
  if (acceptance.answer != Acceptance::Answer::held) return then(acceptance);
  held_ = Held{&socket, std::move(then)};
  set_reading_(false);
}

// Sockets are read again before the caller goes on, which may drop its own connection.
void SocketIntake::offer_again() {
  if (!held_) return;
  const Acceptance acceptance = held_->socket == nullptr ? Acceptance() : offer_(held_->socket->id, batch_);
  if (acceptance.answer == Acceptance::Answer::held) return;
  const Held held = *std::exchange(held_, std::nullopt);
  set_reading_(true);
  if (held.socket != nullptr) held.then(acceptance);
}

void SocketIntake::forget(const BoundSocket& socket) noexcept {
  if (held_ && held_->socket == &socket) held_->socket = nullptr;
}

}  // namespace edgetide
