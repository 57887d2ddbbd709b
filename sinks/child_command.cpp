#include "sinks/child_command.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>

namespace edgetide {

namespace {

constexpr Duration after_sigterm = Duration::seconds(1);
constexpr Duration after_sigkill = Duration::seconds(1);
constexpr int ask_child_each_ms = 20;

std::string words_of(int error) {
  return std::generic_category().message(error);
}

struct Pipe {
  Descriptor read = Descriptor(), write = Descriptor();
};
// Both ends are closed in every child, but for the copies that it is given.
Pipe make_pipe() {
  int ends[2] = {-1, -1};
  if (::pipe2(ends, O_CLOEXEC) != 0) return {};
  return {Descriptor(ends[0]), Descriptor(ends[1])};
}
void make_nonblocking(const Descriptor& end) noexcept {
  ::fcntl(end.get(), F_SETFL, O_NONBLOCK);
}

std::vector<char*> pointers_to(std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  for (std::string& one : strings) pointers.push_back(one.data());
  pointers.push_back(nullptr);
  return pointers;
}

// What the child has instead of what it would inherit.
class SpawnSettings {
 public:
  SpawnSettings(int input, int output, int errors) {
    ::posix_spawn_file_actions_init(&files_);
    ::posix_spawn_file_actions_adddup2(&files_, input, STDIN_FILENO);
    if (output >= 0) {
      ::posix_spawn_file_actions_adddup2(&files_, output, STDOUT_FILENO);
    } else {
      ::posix_spawn_file_actions_addopen(&files_, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    }
    ::posix_spawn_file_actions_adddup2(&files_, errors, STDERR_FILENO);
    ::posix_spawn_file_actions_addclosefrom_np(&files_, STDERR_FILENO + 1);  // of libraries, which may forget O_CLOEXEC
    ::posix_spawnattr_init(&attributes_);
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    ::posix_spawnattr_setsigmask(&attributes_, &none);
    ::posix_spawnattr_setsigdefault(&attributes_, &all);
    ::posix_spawnattr_setpgroup(&attributes_, 0);
    ::posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
  }
  ~SpawnSettings() {
    ::posix_spawn_file_actions_destroy(&files_);
    ::posix_spawnattr_destroy(&attributes_);
  }
  SpawnSettings(const SpawnSettings&) = delete;
  SpawnSettings& operator=(const SpawnSettings&) = delete;

  posix_spawn_file_actions_t files_;
  posix_spawnattr_t attributes_;
};

std::string words_of_status(int status) {
  if (WIFSIGNALED(status)) return "was ended by signal " + std::to_string(WTERMSIG(status));
  return "ended with exit status " + std::to_string(WEXITSTATUS(status));
}

}  // namespace

std::string ChildCommand::start(const CommandLine& line, std::vector<std::string> environment, bool reads_output) {
  Pipe input = make_pipe(), output = reads_output ? make_pipe() : Pipe{}, errors = make_pipe();
  if (!input.read.is_open() || !errors.read.is_open() || output.read.is_open() != reads_output) return words_of(errno);
  std::vector<std::string> arguments = line.arguments;
  const SpawnSettings settings(input.read.get(), output.write.get(), errors.write.get());
  const int failed = ::posix_spawn(&pid_, line.program.c_str(), &settings.files_, &settings.attributes_,
                                   pointers_to(arguments).data(), pointers_to(environment).data());
  if (failed != 0) {
    pid_ = 0;
    return words_of(failed);
  }
  make_nonblocking(input.write);
  make_nonblocking(errors.read);
  if (reads_output) make_nonblocking(output.read);
  input_ = std::move(input.write);
  output_ = std::move(output.read);
  errors_ = std::move(errors.read);
  return {};
}

bool ChildCommand::has_ended() const noexcept {
  siginfo_t info{};
  return ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == pid_;
}

bool ChildCommand::ends_within(Duration patience, int hurry) const noexcept {
  const auto until = std::chrono::steady_clock::now() + std::chrono::microseconds(patience.count());
  pollfd hurried{hurry, POLLIN, 0};
  while (!has_ended()) {
    if (std::chrono::steady_clock::now() >= until) return false;
    if (::poll(&hurried, 1, ask_child_each_ms) > 0) return false;
  }
  return true;
}

std::string ChildCommand::end(Duration patience, int hurry) noexcept {
  if (!is_started()) return {};
  Descriptor input = std::move(input_);
  input = Descriptor();  // its end of the file
  bool ended = ends_within(patience, hurry);
  if (!ended) {
    ::kill(-pid_, SIGTERM);
    ended = ends_within(after_sigterm, -1);
  }
  // Before it is reaped, so that the number is still that of its group.
  ::kill(-pid_, SIGKILL);
  ended = ended || ends_within(after_sigkill, -1);
  int status = 0;
  const bool reaped = ::waitpid(pid_, &status, WNOHANG) == pid_;
  pid_ = 0;
  output_ = Descriptor();
  errors_ = Descriptor();
  return reaped ? words_of_status(status) : "does not end, even by SIGKILL";
}

}  // namespace edgetide
