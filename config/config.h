// TOML to GatewayOptions. Strict: every unknown key, wrong type, missing unit, dangling name and repeated key is an
// error with its location, and all of them are reported at once.
//
// Thread: main, at start. Fails: ConfigErrors; std::runtime_error for other failures.
// The only user of toml++ (the compiled library: the header-only form aborts on some broken files).
#pragma once

#include <cstddef>
#include <exception>
#include <string>
#include <string_view>
#include <vector>

#include "config/test_section.h"
#include "daemon/gateway_options.h"

namespace edgetide {

struct Parts;
struct UnitCredentials;

// One message, as "file:line:column: error: text", the line, and a caret line with a hint when there is one.
struct ConfigMessage {
  std::string file;
  std::size_t line = 0;    // 1-based; 0: the file as a whole
  std::size_t column = 0;  // in code points, from 1
  std::size_t length = 1;  // of the key or value at the column
  std::string text = {};
  std::string hint = {};         // "did you mean 'allowed_lateness'?"
  std::string source_line = {};  // for the excerpt; empty where the line may hold a secret
};

class ConfigErrors : public std::exception {
 public:
  // `has_more`: these are the first that were found.
  explicit ConfigErrors(std::vector<ConfigMessage> messages, bool has_more = false);
  const char* what() const noexcept override { return text_.c_str(); }  // all messages, ready to print
  const std::vector<ConfigMessage>& messages() const noexcept { return messages_; }

 private:
  std::vector<ConfigMessage> messages_;
  std::string text_;
};

// A table of the configuration, for messages about what it describes.
struct DefinedPart {
  std::string name;     // "sinks.history", "http"
  ConfigMessage place;  // without a text
  bool known = true;    // false: some secret in it was not read
};

struct Configuration {
  GatewayOptions options;
  std::vector<ConfigMessage> warnings = {};  // legal but doubtful settings
  std::vector<ConfiguredTest> tests = {};
  std::vector<DefinedPart> parts = {};

  const DefinedPart* part(std::string_view name) const noexcept;
};

struct LoadOptions {
  // False: ${credential:} and ${file:} are checked for form only and left empty, and so is an ${env:} that is not set
  // (`check`, `replay`, `schema` work without secrets).
  bool resolve_secrets = true;
  // For credentials while the environment has none, see secret_reference.h. Outlives the load.
  const UnitCredentials* unit = nullptr;
  // The file is a part of a configuration: what it names may be in other files.
  bool fragment = false;
  // The sources, windows and sinks that there are; null: those of this build (parts.h). Outlives the load.
  const Parts* parts = nullptr;
  // On reload: what the running gateway keeps until its restart, so that sources and sinks keep it as well. Empty: as
  // configured.
  std::string running_id = {};
  std::string running_state_directory = {};
};

Configuration load_configuration(const std::string& path, const LoadOptions& options = {});

// The main file that includes this one: edgetide.toml beside it or one folder up. Empty: there is none.
std::string includer_of(const std::string& path);

// The text of one message as it is printed.
std::string to_text(const ConfigMessage& message, const char* severity);

}  // namespace edgetide
