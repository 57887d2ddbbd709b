// A source as the configuration describes it, without its type: what the gateway, a reload and the status need. Each
// kind of source derives its own from ConfiguredSourceOf<its options>.
//
// Thread: immutable. Fails: `make` throws what the source's constructor throws.
#pragma once

#include <memory>
#include <utility>

#include "daemon/sources/source.h"

namespace edgetide {

class SocketLoop;

// True if a peer learns what has been accepted; false: best effort.
struct SourceTraits {
  bool acknowledges = false;
  bool operator==(const SourceTraits&) const = default;
};

class ConfiguredSource {
 public:
  virtual ~ConfiguredSource() = default;

  // What a source is made with. It outlives the source.
  struct Surroundings {
    SourceId id;
    SourceHost& host;
    SocketLoop& sockets;
  };
  // Without I/O.
  virtual std::unique_ptr<Source> make(const Surroundings& surroundings) const = 0;
  virtual SourceTraits traits() const = 0;
  // A reload replaces a source that is not equal to the former one.
  virtual bool equals(const ConfiguredSource& other) const = 0;
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
