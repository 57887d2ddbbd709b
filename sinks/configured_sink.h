// A sink as the configuration describes it, without its type: what the gateway, a reload, the status and
// `edgetide schema` need. Each kind of sink derives its own from ConfiguredSinkOf<its options>.
//
// Thread: immutable. Fails: never.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "sinks/sink.h"

namespace edgetide {

class ConfiguredSink {
 public:
  virtual ~ConfiguredSink() = default;

  // Without I/O; the sink is opened by its worker.
  virtual std::unique_ptr<Sink> make(SinkIdentity identity, std::vector<WindowSchema> inputs) const = 0;
  virtual SinkTraits traits() const = 0;
  // The statements that create its tables, each of which may run again; empty if it has none.
  virtual std::string ddl(const std::vector<WindowSchema>& /*inputs*/) const { return {}; }
  // What the administrator of its server runs before the first start, as a script; empty: nothing.
  virtual std::string setup() const { return {}; }
  // What stands in the way of it here and now, with the rights of this user; empty: nothing. Changes nothing; may block
  // for as long as connecting may.
  virtual std::string fault(const std::vector<WindowSchema>& /*inputs*/) const { return {}; }
  // Copies what it keeps on this machine into a folder. Why that cannot be; empty: it is done, or there is nothing.
  virtual std::string copy_to(const std::string& /*folder*/) const { return {}; }
  // Names of sessions of which a peer has one at a time: client id and server.
  virtual std::vector<std::string> sessions() const { return {}; }
  // A reload replaces a sink that is not equal to the former one.
  virtual bool equals(const ConfiguredSink& other) const = 0;
};

template <class Options>
class ConfiguredSinkOf : public ConfiguredSink {
 public:
  explicit ConfiguredSinkOf(Options options) : options_(std::move(options)) {}

  const Options& options() const noexcept { return options_; }
  bool equals(const ConfiguredSink& other) const final {
    const auto* const same_kind = dynamic_cast<const ConfiguredSinkOf*>(&other);
    return same_kind != nullptr && same_kind->options_ == options_;
  }

 private:
  const Options options_;
};

}  // namespace edgetide
