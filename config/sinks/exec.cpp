// [sinks.NAME] with type = "exec".
#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unistd.h>
#include <utility>
#include <vector>

#include "config/encoding_key.h"
#include "config/key_spec.h"
#include "config/parts.h"
#include "sinks/exec_sink.h"

namespace edgetide {

namespace {

KeyGroup exec_keys() {
  using namespace keys;
  const ExecOptions standard;
  const Duration second = Duration::seconds(1);
  return on_reload(
      OnReload::new_sink,
      {"[sinks.NAME] with type = \"exec\"",
       "The command gets a row on each line of its standard input, for as long as it runs, and is started again when "
       "it "
       "ends. It has the user and the sandbox of the gateway, and of its environment `PATH`, `LANG`, "
       "`EDGETIDE_GATEWAY` "
       "and `EDGETIDE_SINK` only. What it writes to standard error is logged.",
       {
           required(
               of_type(ValueType::text_list, "command", "",
                       "The program and its arguments, such as `[\"/usr/local/bin/alarm\", \"--quick\"]`; there is no "
                       "shell. A program without a slash is looked for in `/usr/local/bin`, `/usr/bin` and `/bin`.")),
           encoding_key(),
           boolean("acknowledge", standard.acknowledge,
                   "`true`: a row counts as delivered once the command has written a line `ok` for it to its standard "
                   "output, in their order; none is lost. `false`: once it is in the pipe, so that what a command that "
                   "dies had not read is lost; its standard output is discarded."),
           duration(
               "timeout", standard.timeout, second, Duration::minutes(10),
               "How long the command may neither read nor acknowledge. Then, with `acknowledge`, it is started again."),
           duration(
               "stop_timeout", standard.stop_timeout, Duration(), Duration::minutes(1),
               "How long the command may go on when its input has ended, before SIGTERM, and SIGKILL a second later."),
       }});
}

bool is_program(const std::string& path) {
  std::error_code error;
  return std::filesystem::is_regular_file(path, error) && ::access(path.c_str(), X_OK) == 0;
}

// Its path; nothing: there is none.
std::optional<std::string> find_program(const std::string& name) {
  if (name.find('/') != std::string::npos) return is_program(name) ? std::optional(name) : std::nullopt;
  for (std::string_view rest = command_path; !rest.empty();) {
    const std::string folder(rest.substr(0, rest.find(':')));
    rest.remove_prefix(std::min(folder.size() + 1, rest.size()));
    if (is_program(folder + '/' + name)) return folder + '/' + name;
  }
  return std::nullopt;
}

void read_command(const Section& section, CommandLine& command) {
  const std::vector<const Node*> words = section.texts("command");
  section.read("command", command.arguments);
  const Node* const list = section.find("command");
  if (list == nullptr || list->kind != Node::Kind::list) return;
  if (list->children.empty()) return section.error("command", "command is empty; it needs a program");
  for (const Node* word : words) {
    if (word->text.find('\0') == std::string::npos) continue;
    return section.error_at(word->location, "command: an argument has a NUL character");
  }
  if (words.empty() || words[0] != &list->children[0]) return;  // not known here
  const Node& program = *words[0];
  if (program.text.empty()) {
    return section.error_at(program.location, "command: the name of the program is empty");
  }
  if (program.text[0] != '/' && program.text.find('/') != std::string::npos) {
    return section.error_at(program.location, "command: " + shown(program) + " is a relative path",
                            "write the whole path, or a name alone");
  }
  if (const auto found = find_program(program.text)) {
    command.program = *found;
  } else {
    section.error_at(program.location, "command: " + shown(program) + " is not a program that can be run",
                     "a file that edgetide may read and execute");
  }
}

class ConfiguredExec final : public ConfiguredSinkOf<ExecOptions> {
 public:
  using ConfiguredSinkOf::ConfiguredSinkOf;
  std::unique_ptr<Sink> make(SinkIdentity identity, std::vector<WindowSchema> inputs) const override {
    return make_exec_sink(options(), std::move(identity), std::move(inputs));
  }
  SinkTraits traits() const override { return exec_traits(); }
};

std::shared_ptr<const ConfiguredSink> read_exec(const Section& section, const PartContext& /*context*/) {
  ExecOptions options;
  read_command(section, options.command);
  read_encoding(section, options.encoding);
  section.read("acknowledge", options.acknowledge);
  section.read("timeout", options.timeout);
  section.read("stop_timeout", options.stop_timeout);
  return std::make_shared<ConfiguredExec>(std::move(options));
}

}  // namespace

SinkPart exec_sink() {
  static const KeyGroup group = exec_keys();
  return {{.meaning = "`exec` writes to a command.", .library = "", .keys = {&group}},
          std::make_shared<ConfiguredExec>(ExecOptions()),
          read_exec,
          nullptr};
}

}  // namespace edgetide
