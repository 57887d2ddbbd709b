// What all sockets of a loop share: one buffer for received bytes, one batch for decoded readings, and the offer of
// that batch to the host.
//
// A batch that the host holds back is kept here, and no socket of the loop is read until it has been accepted: its
// bytes wait in the kernel, and its peers are slowed down by TCP. A batch that is taken but not durable holds up no
// socket.
//
// Thread: the loop's. Owns: buffer and batch. Fails: never, but for std::bad_alloc.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>

#include "daemon/decoders/decoded_batch.h"
#include "daemon/sources/bound_socket.h"
#include "daemon/sources/source.h"

namespace edgetide {

class SocketIntake {
 public:
  // Never waits.
  using Offer = std::function<Acceptance(SourceId, const DecodedBatch&)>;
  // Whether sockets are to be read.
  using SetReading = std::function<void(bool reading)>;
  // What an offer has come to, now or later. The last thing that its caller does: it may destroy the caller.
  using Then = std::function<void(const Acceptance& taken_or_closed)>;

  SocketIntake(Offer offer, SetReading set_reading);

  // Made when a socket is first read.
  std::string& buffer();
  // An empty one. Requires: nothing is held.
  DecodedBatch& begin_batch() noexcept;
  // Requires: nothing is held, and what the batch refers to stays until `then` or `forget`.
  void offer(const BoundSocket& socket, Then then);

  bool is_holding() const noexcept { return held_.has_value(); }
  // The host has room.
  void offer_again();
  // What is held for this socket is not offered again: the socket goes.
  void forget(const BoundSocket& socket) noexcept;

 private:
  struct Held {
    const BoundSocket* socket;  // null: it is gone
    Then then;
  };

  const Offer offer_;
  const SetReading set_reading_;
  std::string buffer_;
  DecodedBatch batch_;
  std::optional<Held> held_;
};

}  // namespace edgetide
