// [sinks.NAME] with type = "stdout", which has no keys.
#include <utility>
#include <vector>

#include "config/parts.h"
#include "sinks/stdout_sink.h"

namespace edgetide {

namespace {

class ConfiguredStdout final : public ConfiguredSinkOf<StdoutOptions> {
 public:
  using ConfiguredSinkOf::ConfiguredSinkOf;
  std::unique_ptr<Sink> make(SinkIdentity /*identity*/, std::vector<WindowSchema> inputs) const override {
    return make_stdout_sink(std::move(inputs));
  }
  SinkTraits traits() const override { return stdout_traits(); }
};

std::shared_ptr<const ConfiguredSink> read_stdout(const Section& /*section*/, const PartContext& /*context*/) {
  return std::make_shared<ConfiguredStdout>(StdoutOptions{});
}

}  // namespace

SinkPart stdout_sink() {
  return {{.name = "stdout", .meaning = "`stdout` writes JSON lines.", .library = ""},
          stdout_traits(),
          read_stdout,
          nullptr};
}

}  // namespace edgetide
