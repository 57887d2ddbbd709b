// A source as the configuration describes it, without its type: what the gateway, a reload and the status need. Each
// kind of source derives its own from ConfiguredSourceOf<its options>.
//
// Thread: immutable. Fails: `make` throws what the source's constructor throws.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "daemon/decoders/route.h"
#include "daemon/sources/source.h"

namespace edgetide {

class EventLoop;
class SocketLoop;

struct SourceTraits {
  bool acknowledges = false;        // a peer learns what has been accepted; false: best effort
  bool takes_lines = false;         // each line is a message
  std::size_t max_connections = 0;  // that peers may open, each a descriptor
  bool operator==(const SourceTraits&) const = default;
};

class ConfiguredSource {
 public:
  virtual ~ConfiguredSource() = default;

  // What a source is made with. What it refers to outlives the source; it does not.
  struct Surroundings {
    SourceId id;
    SourceHost& host;
    EventLoop& loop;      // of all sources that wait for descriptors or times (events_on_loop.h)
    SocketLoop& sockets;  // on that loop: messages of a stream or datagrams
  };
  // Without I/O.
  virtual std::unique_ptr<Source> make(const Surroundings& surroundings) const = 0;
  virtual SourceTraits traits() const = 0;
  // How its payloads are decoded; without topics where it takes all with one route.
  virtual std::vector<RouteOptions> routes() const { return {}; }
  // Names of sessions of which a peer has one at a time: client id and server.
  virtual std::vector<std::string> sessions() const { return {}; }
  // A reload replaces a source that is not equal to the former one.
  virtual bool equals(const ConfiguredSource& other) const = 0;
};

// A `[sources.NAME]`.
struct SourceInput {
  std::string name;
  std::string type;  // "mqtt"
  std::shared_ptr<const ConfiguredSource> source;
};

template <class Options>
class ConfiguredSourceOf : public ConfiguredSource {
 public:
  explicit ConfiguredSourceOf(Options options) : options_(std::move(options)) {}

  const Options& options() const noexcept { return options_; }
  bool equals(const ConfiguredSource& other) const final {
    const auto* const same_kind = dynamic_cast<const ConfiguredSourceOf*>(&other);
    return same_kind != nullptr && same_kind->options_ == options_;
  }

 private:
  const Options options_;
};

}  // namespace edgetide
