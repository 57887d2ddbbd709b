// A private PostgreSQL in a temporary folder, reached by a Unix socket in that folder only.
//
// Runs as user postgres when the test runs as root. Not durable (fsync=off): it survives its own crash,
// not the machine's. Its time zone is far from UTC, so that no test passes by luck.
// Roles: postgres (no password asked). A role called `guarded` is asked for its password.
//
// Owns:   the server process and the folder; both end with the object, and the server with the test program however
//         that ends.
// Thread: the one that made it: the server ends with that thread.
// Fails:  std::runtime_error, with the server's log.
#pragma once

#include <algorithm>
#include <chrono>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <grp.h>
#include <iterator>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdexcept>
#include <string>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace edgetide::test {

class PostgresServer {
 public:
  // A standby of `primary`, by asynchronous streaming replication. Requires: the primary outlives it.
  explicit PostgresServer(const PostgresServer& primary) : account_(primary.account_), folder_(make_folder()) {
    try {
      const pid_t copy = launch({binary("pg_basebackup"), "-h", primary.folder_, "-U", "postgres", "-D", data(), "-R",
                                 "-X", "stream", "-c", "fast", "--no-sync"});
      if (wait_for_end(copy) != 0) throw std::runtime_error("pg_basebackup: " + log());
      start();
    } catch (...) {
      remove_folder();
      throw;
    }
  }
  PostgresServer() : account_(geteuid() == 0 ? getpwnam("postgres") : nullptr), folder_(make_folder()) {
    try {
      const pid_t setup = launch({binary("initdb"), "-D", data(), "-A", "trust", "-U", "postgres", "-E", "UTF8",
                                  "--locale=C.UTF-8", "--no-sync"});
      if (wait_for_end(setup) != 0) throw std::runtime_error("initdb: " + log());
      std::ofstream(data() + "/pg_hba.conf")
          << "local all guarded scram-sha-256\nlocal all all trust\nlocal replication all trust\n";
      start();
    } catch (...) {
      remove_folder();
      throw;
    }
  }
  ~PostgresServer() {
    if (server_ > 0) end(SIGQUIT);
    remove_folder();
  }
  PostgresServer& operator=(const PostgresServer&) = delete;

  // Returns when connections are accepted.
  void start() {
    server_ = launch({binary("postgres"), "-D", data(), "-k", folder_, "-c", "listen_addresses=", "-c", "fsync=off",
                      "-c", "full_page_writes=off", "-c", "max_connections=30", "-c", "shared_buffers=16MB", "-c",
                      "timezone=Asia/Kathmandu", "-c", "log_timezone=UTC"});
    while (!ready()) {
      if (waitpid(server_, nullptr, WNOHANG) != 0) {
        server_ = 0;
        throw std::runtime_error("postgres ended: " + log());
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
  }
  // Ends all sessions, writes a checkpoint.
  void stop() { end(SIGINT); }
  // Ends at once; the next start recovers from the write-ahead log.
  void crash() { end(SIGQUIT); }
  // kill -9 of the postmaster. Its children notice and end by themselves; returns when they have.
  void kill_postmaster() {
    const std::string pid = std::to_string(server_);
    std::vector<pollfd> children;
    std::ifstream list("/proc/" + pid + "/task/" + pid + "/children");
    for (pid_t child = 0; list >> child;) {
      const int process = static_cast<int>(syscall(SYS_pidfd_open, child, 0));
      if (process >= 0) children.push_back({process, POLLIN, 0});
    }
    end(SIGKILL);
    for (pollfd& child : children) {
      poll(&child, 1, -1);
      close(child.fd);
    }
    std::filesystem::remove(data() + "/postmaster.pid");  // it still says "ready"
  }

  // The folder of the socket, as `host`; the port is the usual one.
  const std::string& host() const noexcept { return folder_; }
  std::string connection(const std::string& database) const {
    return "host=" + folder_ + " port=5432 user=postgres dbname=" + database;
  }
  std::string log() const {
    std::ifstream file(folder_ + "/log");
    return {std::istreambuf_iterator<char>(file), {}};
  }

 private:
  std::string make_folder() {
    std::string folder = (std::filesystem::temp_directory_path() / "edgetide-pg-XXXXXX").string();
    if (mkdtemp(folder.data()) == nullptr) throw std::runtime_error("mkdtemp " + folder);
    if (account_ != nullptr && chown(folder.c_str(), account_->pw_uid, account_->pw_gid) != 0) {
      throw std::runtime_error("chown " + folder);
    }
    return folder;
  }
  void remove_folder() noexcept {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

  std::string data() const { return folder_ + "/data"; }

  // Debian keeps the server's programs outside of PATH, one folder per version.
  static std::string binary(const std::string& name) {
    std::vector<std::string> found;
    const std::filesystem::path root = "/usr/lib/postgresql";
    if (std::filesystem::exists(root)) {
      for (const auto& version : std::filesystem::directory_iterator(root)) {
        const auto path = version.path() / "bin" / name;
        if (std::filesystem::exists(path)) found.push_back(path.string());
      }
    }
    return found.empty() ? name : *std::max_element(found.begin(), found.end());
  }

  // Everything is made ready before the fork: between fork and exec only system calls are safe.
  pid_t launch(std::vector<std::string> command) {
    std::vector<char*> arguments;
    for (std::string& argument : command) arguments.push_back(argument.data());
    arguments.push_back(nullptr);
    const std::string log_path = folder_ + "/log";
    const pid_t parent = getpid();
    const pid_t child = fork();
    if (child < 0) throw std::runtime_error("fork");
    if (child > 0) return child;

    setpgid(0, 0);
    if (account_ != nullptr) {
      const gid_t group = account_->pw_gid;
      if (setgroups(1, &group) != 0 || setgid(group) != 0 || setuid(account_->pw_uid) != 0) _exit(126);
    }
    prctl(PR_SET_PDEATHSIG, SIGQUIT);  // after setuid, which clears it
    if (getppid() != parent || chdir(folder_.c_str()) != 0) _exit(126);
    const int log_file = open(log_path.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
    dup2(log_file, 1);
    dup2(log_file, 2);
    execvp(arguments[0], arguments.data());
    _exit(127);
  }

  static int wait_for_end(pid_t child) {
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
  }

  // As pg_ctl does: the eighth line of postmaster.pid.
  bool ready() const {
    std::ifstream file(data() + "/postmaster.pid");
    std::string line;
    for (int i = 0; i < 8; ++i) {
      if (!std::getline(file, line)) return false;
    }
    return line.starts_with("ready") || line.starts_with("standby");
  }

  void end(int signal) noexcept {
    kill(server_, signal);
    wait_for_end(server_);
    server_ = 0;
  }

  const passwd* account_;
  std::string folder_;
  pid_t server_ = 0;
};

}  // namespace edgetide::test
