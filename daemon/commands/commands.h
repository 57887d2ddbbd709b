// The commands of `edgetide`: one function each, from its options to an exit status.
//
// Exit status: 0 success, 1 failed at run time, 64 usage, 78 configuration.
// Thread: main. Fails: ConfigErrors, std::runtime_error; `command_line` prints them once and maps them.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "daemon/outbox/outbox_options.h"

namespace edgetide {

inline constexpr const char* default_config = "/etc/edgetide/edgetide.toml";

inline constexpr int exit_fine = 0;
inline constexpr int exit_failed = 1;
inline constexpr int exit_usage = 64;
inline constexpr int exit_configuration = 78;

struct RunOptions {
  std::string config;
  std::string summary;  // file; empty: none
};

struct CheckOptions {
  std::string config;
  bool against_state = false;  // also print which open windows would be lost
  bool environment = true;     // false: check the files only, read no secrets
  bool fragment = false;       // what it names may be defined in other files
};

struct ReplayOptions {
  std::string config;
  std::string input = "-";
  std::string output = "-";
  std::string summary;
  OutputMode mode = OutputMode::update;
  bool flush = false;
  bool strict = false;
  bool numeric_time = false;
};

struct SchemaOptions {
  std::string config;
  std::string sink;    // empty: every sink that has tables
  bool setup = false;  // what its server needs before the first start, instead
};

struct BackupOptions {
  std::string config;
  std::string folder;  // is made, or is empty
};

enum class ListFormat { text, json };

// For the commands that ask the running gateway.
struct AskOptions {
  std::string config;
  std::string socket;  // empty: as configured
  ListFormat format = ListFormat::text;
};

struct QuarantineListOptions {
  std::string config;
  ListFormat format = ListFormat::text;
  std::string reason;     // late_dropped, too_old, bad_syntax ...; empty: all
  std::string sensor;     // a glob; empty: all
  std::size_t limit = 0;  // only this many of the newest; 0: all
};

struct CheckpointShowOptions {
  std::string config;
  std::string state_directory;  // empty: that of the configuration
  ListFormat format = ListFormat::text;
};

struct QuarantineReplayOptions {
  std::string config;
  std::string output = "-";
};

struct DecodeOptions {
  std::string config = {};
  std::string topic = {};   // empty: as a socket takes it
  std::string source = {};  // empty: the first that has a route for it
  std::string input = "-";
  ListFormat format = ListFormat::text;
  std::string arrival = {};  // in RFC 3339; empty: now
};

struct LearnOptions {
  std::string server = "mqtt://127.0.0.1:1883";
  std::string topic = "#";
  int seconds = 60;
  std::string username = {};
  std::string password_file = {};
  std::string ca = {};  // file; empty: the system's
};

struct PasswordOptions {
  std::string user = {};
  std::string topic_prefix = {};  // of the topics that the user may publish to; empty: all
};

// Gives one line after another; false: the end.
using LineSource = std::function<bool(std::string& line)>;

// The control sockets to try, the likeliest first.
std::vector<std::string> control_sockets(const AskOptions& options);

// `words` without the format: control_commands.h.
int ask_command(const AskOptions& options, std::vector<std::string> words);
int top_command(const AskOptions& options);
int run_command(const RunOptions& options);
int backup_command(const BackupOptions& options);
int check_command(const CheckOptions& options);
int checkpoint_show_command(const CheckpointShowOptions& options);
int replay_command(const ReplayOptions& options);
int replay_lines(const ReplayOptions& options, const LineSource& next_line);  // instead of options.input
int quarantine_list_command(const QuarantineListOptions& options);
int quarantine_replay_command(const QuarantineReplayOptions& options);
int quarantine_export_command(const std::string& config);
int decode_command(const DecodeOptions& options);
int test_command(const std::string& config);  // [[tests]]
int learn_command(const LearnOptions& options);
int password_command(const PasswordOptions& options);
int presets_command(const std::string& name);  // empty: lists them
int schema_command(const SchemaOptions& options);
std::string version_text();

// Parses argv, runs the command, prints what it throws.
int command_line(int argc, char** argv);

}  // namespace edgetide
