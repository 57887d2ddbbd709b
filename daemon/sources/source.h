// The contract between a source and the daemon.
//
// A source receives bytes, decodes them (route.h, decoder.h) and hands batches to its SourceHost. It starts no
// thread except where its library insists (Paho); the others run on one event loop (events_on_loop.h).
//
//   host.attach(id, events)          before the first batch; `host.positions(id)` says where to resume, and what the
//                                    decoders of its router knew (Router::restore_state)
//   host.try_accept(id, batch)       held:  keep the batch, stop reading, offer it again after `room_available`
//                                    taken: acknowledge it to the peer after `durable(record)`; at once if that is 0
//   host.nothing_decoded(id, batch)  for messages of which nothing came: they are counted
//   host.detach(id)                  after the last one
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/decoders/decoded_batch.h"
#include "pipeline/enum_word.h"
#include "pipeline/reading.h"
#include "pipeline/time.h"

namespace edgetide {

// What the host says of a batch.
struct Acceptance {
  enum class Answer {
    taken,   // acknowledge it when `record` is durable
    held,    // not taken; offer it again when there is room
    closed,  // not taken, and must not be acknowledged: the daemon is stopping, or changes its sources
  } answer = Answer::closed;
  std::uint64_t record = 0;  // of the journal; 0: as durable as the configuration promises already

  bool is_taken() const noexcept { return answer == Answer::taken; }
};

// What a transport shows of its peer.
struct Liveness {
  Duration silent_for;   // since its last bytes
  bool waiting = false;  // bytes that were received and not read yet
  // Where there are other signs than bytes: since all peers were there. What was sent before a sign may come after it.
  std::optional<Duration> absent_for = std::nullopt;
};

// Of a source that reads files.
struct FileCounts {
  std::uint64_t done = 0;     // since the source began
  std::uint64_t waiting = 0;  // with something that is not read
  Duration lag;               // since the first of these changed; none: 0
};

// Why a connection was closed that could have gone on.
enum class TurnedAway : std::uint8_t {
  max_connections,           // there are as many as there may be, and none was idle
  max_connections_per_peer,  // its peer has as many as one may have
  idle,                      // it was idle, and another one needed its room
  descriptors,               // it would have one of the last descriptors (descriptor_reserve.h), and none was idle
};
inline constexpr EnumWord<TurnedAway> turned_away_words[] = {
    {TurnedAway::max_connections, "max_connections"},
    {TurnedAway::max_connections_per_peer, "max_connections_per_peer"},
    {TurnedAway::idle, "idle"},
    {TurnedAway::descriptors, "descriptors"}};
using TurnedAwayCounts = std::array<std::uint64_t, std::size(turned_away_words)>;  // by reason

// What the host tells a source.
// Thread: any, one call at a time. Never: waits, throws, or calls the host; it wakes what waits, and returns.
class SourceEvents {
 public:
  virtual ~SourceEvents() = default;

  // What was held may be taken now.
  virtual void room_available() noexcept = 0;
  // Everything that was taken up to this record survives a power cut.
  virtual void durable(std::uint64_t through) noexcept = 0;
  // False: nothing may wait any more, for room or for the disk. What does is not acknowledged.
  virtual void set_blocking(bool allowed) noexcept = 0;
  // Nothing: the transport shows no life but its messages.
  virtual std::optional<Liveness> liveness(SourceId) noexcept { return std::nullopt; }
  // Nothing: it reads no files.
  virtual std::optional<FileCounts> files(SourceId) noexcept { return std::nullopt; }
};

// Where a source was when the newest reading was taken that the daemon still knows of.
struct StoredPosition {
  std::string partition;
  std::string bytes;
  bool operator==(const StoredPosition&) const = default;
};

// A session at a peer. What is sent again in it is recognised among the messages that were taken in it.
struct SourceSession {
  std::string_view name;        // tells it from every other, of this source and of others: client id and server
  bool is_new = false;          // the peer knew of none, so nothing that was taken is sent again
  bool is_lost = false;         // it should have known it
  std::uint32_t in_flight = 0;  // the most messages that the peer may send again
  std::string_view notes;       // the source's own, given back by `session_notes`
};

// What a source calls. Implemented by the daemon, and by a fake in tests.
// Thread: any; calls from several sources may overlap.
class SourceHost {
 public:
  virtual ~SourceHost() = default;

  // Takes readings and refusals of one or several messages. Never waits.
  virtual Acceptance try_accept(SourceId source, const DecodedBatch& batch) noexcept = 0;

  // The batch is empty: its messages are counted, and nothing is to be acknowledged for it. Never waits.
  virtual void nothing_decoded(SourceId /*source*/, const DecodedBatch& /*batch*/) noexcept {}

  // `events` are called from now on, the first time before this returns (`set_blocking`), until `detach` has returned.
  virtual void attach(SourceId source, SourceEvents& events) noexcept = 0;
  virtual void detach(SourceId source) noexcept = 0;

  // By which what is remembered of messages becomes old. It goes on over restarts, and no step of the clock moves it.
  virtual Duration running() const noexcept { return {}; }

  // The newest of each partition, as they were in its batches; states of decoders too (decoder_state_mark).
  virtual std::vector<StoredPosition> positions(SourceId source) const = 0;

  // The messages of the batches from now on are of this session. What is noted survives a crash when this is true;
  // false: it cannot be stored now. Cheap if nothing has changed.
  virtual bool begin_session(SourceId source, const SourceSession& session) noexcept = 0;
  // Nothing: that session is not known.
  virtual std::optional<std::string> session_notes(std::string_view session) const = 0;

  // What the newest messages of the session that the source is in are known by, those that were taken before it began
  // too; as many as `in_flight` of its session.
  virtual std::vector<std::uint64_t> recent_messages(SourceId /*source*/) const { return {}; }

  // The source can receive from now on, or no longer. Listening time runs between the two. Idempotent.
  virtual void connected(SourceId source, std::string_view peer) noexcept = 0;
  // An empty reason: the source was stopped.
  virtual void disconnected(SourceId source, std::string_view reason) noexcept = 0;

  // Why it may not do its work though it is connected, until it is called with an empty reason. The gateway is not
  // ready meanwhile. Idempotent.
  virtual void impaired(SourceId source, std::string_view reason) noexcept = 0;

  // Something an operator should read once (subscription refused, session lost, peers not allowed).
  virtual void notice(SourceId source, std::string_view text) noexcept = 0;

  // A connection was closed to keep a limit. It is counted.
  virtual void turned_away(SourceId source, TurnedAway why) noexcept = 0;
};

// Life cycle: constructed (no I/O) -> start -> stop -> destroyed. `stop` may be called without `start`.
// Thread: the gateway's main thread.
// Fails:  `start` throws std::runtime_error with context for what it cannot do now (an address that cannot be bound, an
//         unreadable certificate file); after `stop` it may be called again (retried_source.h). If a broker cannot be
//         reached, the source keeps trying.
class Source {
 public:
  virtual ~Source() = default;
  virtual void start() = 0;
  // Returns when no callback to the host runs and none will run any more. Within 5 s.
  virtual void stop() noexcept = 0;
};

}  // namespace edgetide
