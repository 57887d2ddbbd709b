// A command that runs as a child of the daemon, without a shell, in its own process group, and is written to.
//
// It inherits nothing: no descriptor but its standard ones, no signal that is blocked or ignored, and of the
// environment only what it is given. Its standard output goes to us, or to /dev/null; its standard error to us.
//
// Owns:   the process and our ends of its pipes, which do not block. Thread: one at a time.
// Blocks: `end`, for the patience it is given and two seconds.
// Fails:  as it says; a process that survives SIGKILL (in the kernel, on a disk that hangs) is left behind.
#pragma once

#include <string>
#include <sys/types.h>
#include <vector>

#include "daemon/service/descriptor.h"
#include "pipeline/time.h"

namespace edgetide {

struct CommandLine {
  std::string program;                 // absolute
  std::vector<std::string> arguments;  // the first one is the program's name
  bool operator==(const CommandLine&) const = default;
};

class ChildCommand {
 public:
  ChildCommand() = default;
  ~ChildCommand() { end(Duration(), -1); }
  ChildCommand(const ChildCommand&) = delete;
  ChildCommand& operator=(const ChildCommand&) = delete;

  // Why it cannot be started; empty: it runs. Requires: none runs.
  std::string start(const CommandLine& line, std::vector<std::string> environment, bool reads_output);

  bool is_started() const noexcept { return pid_ > 0; }
  // It ended, though it may not be reaped.
  bool has_ended() const noexcept;
  int input() const noexcept { return input_.get(); }    // to write to
  int output() const noexcept { return output_.get(); }  // to read from; -1: it is not
  Descriptor take_errors() noexcept { return std::move(errors_); }

  // Its input ends; after `patience`, or once there is something to read from the descriptor `hurry` (-1: never), it
  // gets SIGTERM, after a second SIGKILL, and with it what is left of its process group. What it ended with: "ended
  // with exit status 3".
  std::string end(Duration patience, int hurry) noexcept;

 private:
  bool ends_within(Duration patience, int hurry) const noexcept;

  pid_t pid_ = 0;
  Descriptor input_, output_, errors_;
};

}  // namespace edgetide
