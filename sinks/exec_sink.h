// Rows to the standard input of a command, a line each. The command is started when the sink opens, without a shell,
// and again with backoff when it ends.
//
// At least once, and what counts as delivered:
//   acknowledge = true   the command has written a line `ok` to its standard output for the row, in their order (for
//                        each row, not for the header of a CSV). After the command's crash or ours the rows without
//                        one come again, with the same window, series, start and revision: none is lost, some may come
//                        twice.
//   acknowledge = false  the row is written to the pipe. After our crash rows may come again; after a crash of the
//                        command what it had not read, or not finished, is lost: the pipe holds 64 KiB.
//
// A command that does not read holds its rows back: they wait in the outbox. Without `acknowledge` it is left running
// and goes on at the byte where it stood; with it, it is ended and started again.
// End:    standard input is closed; after `stop_timeout` SIGTERM, after a second SIGKILL, to its process group.
// Errors: a line that the command writes to standard error is logged, the only thing that a sink logs, as printable
//         text, ten lines for each report of withheld ones.
// Contract, thread: sinks/sink.h; a thread besides reads standard error.
// Blocks: `deliver` until nothing has moved for `timeout`, `close` for `stop_timeout` and two seconds. `interrupt` ends
//         the waiting for `timeout` and for `stop_timeout`.
// Fails:  RetryAfter with the exit status, with what cannot be started (needs a person), or that nothing moves.
// Limit:  child_command.h, command_errors.h.
// Requires: SIGPIPE is ignored by the process.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sinks/child_command.h"
#include "sinks/sink.h"

namespace edgetide {

struct ExecOptions {
  CommandLine command;
  std::string encoding = "json";  // row_encoder.h
  bool acknowledge = false;
  Duration timeout = Duration::seconds(30);
  Duration stop_timeout = Duration::seconds(5);
  bool operator==(const ExecOptions&) const = default;
};

constexpr SinkTraits exec_traits() {
  return {.kind = SinkKind::stream, .delivery = DeliveryGuarantee::at_least_once};
}

// The variable PATH of commands, and where their programs are looked for.
inline constexpr std::string_view command_path = "/usr/local/bin:/usr/bin:/bin";

// `tell` gets the lines of standard error in place of the log.
std::unique_ptr<Sink> make_exec_sink(ExecOptions options, SinkIdentity identity, std::vector<WindowSchema> inputs,
                                     std::function<void(std::string_view)> tell = nullptr);

}  // namespace edgetide
