// [sources.NAME] with type = "spool".
#include <filesystem>
#include <string>
#include <utility>

#include "config/glob_check.h"
#include "config/key_spec.h"
#include "config/mapping_section.h"
#include "config/parts.h"
#include "daemon/sources/spool_source.h"

namespace edgetide {

namespace {

KeyGroup spool_keys() {
  using namespace keys;
  const SpoolOptions standard;
  return on_reload(
      OnReload::new_source,
      {"[sources.NAME] with type = \"spool\"",
       "Each line of a file is a message; with a format that has a header, the first line of a file is the header of "
       "its "
       "others. Names that begin with `.` or end in `.tmp` or `.part` are not taken: rename a file when it is "
       "complete. "
       "Symbolic links are not followed. The keys of the mapping stand here directly.",
       {
           required(text("folder", "", "An absolute path. Files in its folders are not taken.")),
           text("match", in_quotes(standard.match), "A glob for the names that are taken, such as `*.csv`."),
           integer(
               "max_files", static_cast<std::int64_t>(standard.max_files), 1,
               static_cast<std::int64_t>(max_spool_files),
               "Files that are begun and not done, of those that changed first; the others wait. With `tail`, files "
               "that are followed."),
           word("when_done", when_done_words, standard.when_done,
                "What happens to a file whose readings are all safe. `keep` remembers it in the state directory: it is "
                "done again if its content changes, not if its time alone does (beyond 16 MiB: its size, its first "
                "8 MiB and its last 8 MiB are compared)."),
           text("done_folder", "\".done\"",
                "`move`: where to, on the same file system; a relative path is in `folder`. It is made, but never "
                "emptied."),
           boolean(
               "tail", standard.tail,
               "Files grow, and are read as they do, also when they are renamed or shortened. They are never done, and "
               "compressed files are not taken."),
           duration("look_interval", standard.look_interval, Duration::milliseconds(100), Duration::hours(1),
                    "How often the folder is read even if the kernel reports no change, as for a network file system."),
           duration("settle_time", standard.settle_time, Duration::milliseconds(100), Duration::hours(1),
                    "A file that has not changed for this long is complete."),
           size("max_line", standard.max_line_bytes, 64, max_payload_bytes, "Longer lines are refused."),
       }});
}

class ConfiguredSpool final : public ConfiguredSourceOf<SpoolOptions> {
 public:
  using ConfiguredSourceOf::ConfiguredSourceOf;
  std::unique_ptr<Source> make(const Surroundings& around) const override {
    return make_spool_source(options(), around.id, around.host, around.loop);
  }
  SourceTraits traits() const override { return {.acknowledges = true}; }
  std::vector<RouteOptions> routes() const override { return {options().route}; }
};

void read_folders(const Section& section, const PartContext& context, SpoolOptions& options) {
  section.read("folder", options.folder);
  const Node* const folder = section.find("folder");
  if (folder != nullptr && folder->kind == Node::Kind::text && folder->known && !options.folder.starts_with('/')) {
    section.error("folder", "folder must be an absolute path", "such as \"/var/spool/readings\"");
  } else {
    section.warn_of_missing_file("folder", options.folder);
  }
  std::string done = ".done";
  section.read("done_folder", done);
  if (done.empty()) section.error("done_folder", "done_folder is empty");
  options.done_folder = (std::filesystem::path(options.folder) / done).lexically_normal();
  options.done_list = std::filesystem::path(context.state_directory) / ("spool-" + context.name + ".done");
}

std::shared_ptr<const ConfiguredSource> read_spool(const Section& section, const PartContext& context) {
  SpoolOptions options;
  read_folders(section, context, options);
  section.read("match", options.match);
  warn_of_expression(section, section.find("match"));
  section.read("max_files", options.max_files);
  section.read_word("when_done", options.when_done, when_done_words);
  section.read("tail", options.tail);
  if (options.tail && section.find("when_done") != nullptr) {
    section.error("when_done", "when_done does not apply with tail = true: a file that grows is never done");
  }
  section.read("look_interval", options.look_interval);
  section.read("settle_time", options.settle_time);
  section.read("max_line", options.max_line_bytes);
  options.route.mapping = read_mapping(section, context);
  check_route(section, options.route);
  return std::make_shared<ConfiguredSpool>(std::move(options));
}

// Both would take the same files.
std::optional<Clash> same_folder(const ConfiguredSource& earlier, const ConfiguredSource& later) {
  const SpoolOptions& one = *options_of<SpoolOptions>(earlier);
  const SpoolOptions& other = *options_of<SpoolOptions>(later);
  if (other.folder.empty() || one.folder != other.folder || one.match != other.match) return std::nullopt;
  return Clash{"folder", "takes the files of"};
}

}  // namespace

SourcePart spool_source() {
  static const KeyGroup group = spool_keys();
  return {{.meaning = "`spool` reads files from a folder.", .library = "", .keys = {&group}},
          true,
          read_spool,
          same_folder};
}

}  // namespace edgetide
