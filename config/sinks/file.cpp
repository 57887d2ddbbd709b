// [sinks.NAME] with type = "file".
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "config/encoding_key.h"
#include "config/key_spec.h"
#include "config/parts.h"
#include "sinks/file_sink.h"

namespace edgetide {

namespace {

KeyGroup file_keys() {
  using namespace keys;
  const FileOptions standard;
  return on_reload(
      OnReload::new_sink,
      {"[sinks.NAME] with type = \"file\"",
       "A file is named after its sink and its first epoch. It ends in `.part` until it has reached its size or age.",
       {
           text("folder", "\"rows\"",
                "Where the files are written; a relative path is relative to the state directory."),
           encoding_key(),
           size("max_file_size", standard.max_file_bytes, 1024, std::int64_t{1} << 30,
                "A file that has reached this size is finished."),
           duration("max_file_age", standard.max_file_age, Duration::seconds(1), Duration::days(366),
                    "A file that has reached this age is finished, with the next rows."),
           integer("max_files", static_cast<std::int64_t>(standard.max_files), 1, 1'000'000,
                   "Finished files that are kept; the oldest are removed."),
       }});
}

class ConfiguredFile final : public ConfiguredSinkOf<FileOptions> {
 public:
  using ConfiguredSinkOf::ConfiguredSinkOf;
  std::unique_ptr<Sink> make(SinkIdentity identity, std::vector<WindowSchema> inputs) const override {
    return make_file_sink(options(), std::move(identity), std::move(inputs));
  }
  SinkTraits traits() const override { return file_traits(); }
};

std::shared_ptr<const ConfiguredSink> read_file(const Section& section, const PartContext& context) {
  FileOptions options;
  std::string folder = "rows";
  section.read("folder", folder);
  if (folder.empty()) section.error("folder", "folder is empty");
  options.folder = (std::filesystem::path(context.state_directory) / folder).lexically_normal();
  read_encoding(section, options.encoding);
  section.read("max_file_size", options.max_file_bytes);
  section.read("max_file_age", options.max_file_age);
  section.read("max_files", options.max_files);
  return std::make_shared<ConfiguredFile>(std::move(options));
}

}  // namespace

SinkPart file_sink() {
  static const KeyGroup group = file_keys();
  return {{.meaning = "`file` writes files to pick up.", .library = "", .keys = {&group}},
          std::make_shared<ConfiguredFile>(FileOptions()),
          read_file,
          nullptr};
}

}  // namespace edgetide
