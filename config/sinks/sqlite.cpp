// [sinks.NAME] with type = "sqlite".
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "config/key_spec.h"
#include "config/parts.h"
#include "config/retention_key.h"
#include "sinks/sqlite_sink.h"

namespace edgetide {

namespace {

KeyGroup sqlite_keys() {
  using namespace keys;
  return on_reload(
      OnReload::new_sink,
      {"[sinks.NAME] with type = \"sqlite\"",
       "",
       {text("path", "\"edgetide.db\"", "The database file; a relative path is relative to the state directory."),
        retention_key("Older ones are deleted some at a time; their room in the file is used again, and the file does "
                      "not shrink. Age counts to the newest row, or to now if that is earlier.")}});
}

class ConfiguredSqlite final : public ConfiguredSinkOf<SqliteOptions> {
 public:
  using ConfiguredSinkOf::ConfiguredSinkOf;
  std::unique_ptr<Sink> make(SinkIdentity identity, std::vector<WindowSchema> inputs) const override {
    return make_sqlite_sink(options(), std::move(identity), std::move(inputs));
  }
  SinkTraits traits() const override { return sqlite_traits(); }
  std::string ddl(const std::vector<WindowSchema>& inputs) const override { return sqlite_ddl(inputs); }
  std::string copy_to(const std::string& folder) const override { return copy_sqlite(options(), folder); }
  std::string fault(const std::vector<WindowSchema>& /*inputs*/) const override { return fault_of_sqlite(options()); }
};

std::shared_ptr<const ConfiguredSink> read_sqlite(const Section& section, const PartContext& context) {
  std::string path = "edgetide.db";
  section.read("path", path);
  if (path.empty()) section.error("path", "path is empty");
  const std::filesystem::path file = (std::filesystem::path(context.state_directory) / path).lexically_normal();
  std::error_code error;
  if (std::filesystem::is_other(file, error)) section.error("path", "path is not a regular file");
  SqliteOptions options;
  options.path = file;
  options.retention = read_retention(section, context);
  return std::make_shared<ConfiguredSqlite>(std::move(options));
}

std::optional<Clash> same_file(const ConfiguredSink& earlier, const ConfiguredSink& later) {
  if (options_of<SqliteOptions>(earlier)->path != options_of<SqliteOptions>(later)->path) return std::nullopt;
  return Clash{"", "has the file of"};
}

}  // namespace

SinkPart sqlite_sink() {
  static const KeyGroup group = sqlite_keys();
  return {{.meaning = "", .library = "", .keys = {&group}},
          std::make_shared<ConfiguredSqlite>(SqliteOptions()),
          read_sqlite,
          same_file,
          Duration::minutes(1)};
}

}  // namespace edgetide
