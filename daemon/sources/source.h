// The contract between a source and the daemon.
//
// A source receives bytes, decodes them (route.h, decoder.h) and hands batches to its SourceHost. It starts no
// thread except where its library insists (Paho); sockets run on the one event loop of socket_loop.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "daemon/decoders/decoded_batch.h"
#include "pipeline/reading.h"

namespace edgetide {

// What a source calls. Implemented by the daemon, and by a fake in tests.
// Thread: any; calls from several sources may overlap.
class SourceHost {
 public:
  virtual ~SourceHost() = default;

  // Takes readings and refusals of one message or one socket turn. Blocks while the daemon holds intake back.
  // True: the readings are accepted as `[journal] durability` promises, and may be acknowledged to the peer.
  // False: the daemon is stopping; the readings were not accepted and must not be acknowledged.
  virtual bool accept(SourceId source, const DecodedBatch& batch) noexcept = 0;

  // The source can receive from now on, or no longer. Listening time runs between the two. Idempotent.
  virtual void connected(SourceId source, std::string_view peer) noexcept = 0;
  // An empty reason: the source was stopped.
  virtual void disconnected(SourceId source, std::string_view reason) noexcept = 0;

  // Something an operator should read once (subscription refused, session lost, peers not allowed).
  virtual void notice(SourceId source, std::string_view text) noexcept = 0;
};

// Life cycle: constructed (no I/O) -> start -> stop -> destroyed. `stop` may be called without `start`.
// Thread: the gateway's main thread.
// Fails:  `start` throws std::runtime_error with context only for permanent faults (an address that cannot be bound, an
//         unreadable certificate file). If a broker cannot be reached, the source keeps trying.
class Source {
 public:
  virtual ~Source() = default;
  virtual void start() = 0;
  // Returns when no callback to the host runs and none will run any more. Within 5 s.
  virtual void stop() noexcept = 0;
};

}  // namespace edgetide
