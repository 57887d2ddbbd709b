// [sinks.NAME] with type = "stdout".
#include <memory>
#include <utility>
#include <vector>

#include "config/encoding_key.h"
#include "config/key_spec.h"
#include "config/parts.h"
#include "sinks/stdout_sink.h"

namespace edgetide {

namespace {

KeyGroup stdout_keys() {
  return keys::on_reload(OnReload::new_sink, {"[sinks.NAME] with type = \"stdout\"", "", {encoding_key()}});
}

class ConfiguredStdout final : public ConfiguredSinkOf<StdoutOptions> {
 public:
  using ConfiguredSinkOf::ConfiguredSinkOf;
  std::unique_ptr<Sink> make(SinkIdentity /*identity*/, std::vector<WindowSchema> inputs) const override {
    return make_stdout_sink(options(), std::move(inputs));
  }
  SinkTraits traits() const override { return stdout_traits(); }
};

std::shared_ptr<const ConfiguredSink> read_stdout(const Section& section, const PartContext& /*context*/) {
  StdoutOptions options;
  read_encoding(section, options.encoding);
  return std::make_shared<ConfiguredStdout>(std::move(options));
}

}  // namespace

SinkPart stdout_sink() {
  static const KeyGroup group = stdout_keys();
  return {{.meaning = "`stdout` writes to standard output.", .library = "", .keys = {&group}},
          std::make_shared<ConfiguredStdout>(StdoutOptions()),
          read_stdout,
          nullptr};
}

}  // namespace edgetide
