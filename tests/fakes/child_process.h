// A program that a test runs. It is stopped by its pid, at the latest at the end of the test.
//
// Thread: one. Fails: std::runtime_error.
#pragma once

#include <fcntl.h>
#include <signal.h>
#include <stdexcept>
#include <string>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

namespace edgetide::test {

class ChildProcess {
 public:
  // Output goes to the file.
  ChildProcess(std::vector<std::string> arguments, const std::string& output) {
    std::vector<char*> argv;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    pid_ = fork();
    if (pid_ < 0) throw std::runtime_error("fork failed");
    if (pid_ > 0) return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    const int file = open(output.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    dup2(file, STDOUT_FILENO);
    dup2(file, STDERR_FILENO);
    execvp(argv[0], argv.data());
    _exit(127);
  }
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;
  ~ChildProcess() { end(SIGKILL); }

  void end(int signal) {
    if (pid_ <= 0) return;
    kill(pid_, signal);
    wait();
  }

  // The exit status, or 128 + the signal.
  int wait() {
    int status = 0;
    waitpid(pid_, &status, 0);
    pid_ = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

 private:
  pid_t pid_ = 0;
};

inline int run_program(std::vector<std::string> arguments, const std::string& output = "/dev/null") {
  return ChildProcess(std::move(arguments), output).wait();
}

}  // namespace edgetide::test
