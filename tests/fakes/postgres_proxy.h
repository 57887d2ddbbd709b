// Stands between a client and a PostgreSQL server on Unix sockets and cuts the link at a COMMIT.
//
// Thread: owns one; `arm` from any thread. Owns: the socket in a temporary folder. Fails: std::runtime_error.
#pragma once

#include <atomic>
#include <filesystem>
#include <list>
#include <poll.h>
#include <stdexcept>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <sys/un.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace edgetide::test {

enum class Cut {
  never,
  before_commit,  // the server never sees it
  after_commit,   // the server has answered, the client never hears
};

class PostgresProxy {
 public:
  explicit PostgresProxy(const std::string& server_folder) : server_(address_in(server_folder)) {
    folder_ = (std::filesystem::temp_directory_path() / "edgetide-proxy-XXXXXX").string();
    if (mkdtemp(folder_.data()) == nullptr) throw std::runtime_error("mkdtemp");
    const sockaddr_un own = address_in(folder_);
    listener_ = socket(AF_UNIX, SOCK_STREAM, 0);
    if (bind(listener_, reinterpret_cast<const sockaddr*>(&own), sizeof own) != 0 || listen(listener_, 8) != 0 ||
        pipe(end_) != 0) {
      throw std::runtime_error("proxy socket");
    }
    thread_ = std::thread([this] { run(); });
  }
  ~PostgresProxy() {
    close(end_[1]);
    thread_.join();
    close(end_[0]);
    close(listener_);
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  PostgresProxy(const PostgresProxy&) = delete;
  PostgresProxy& operator=(const PostgresProxy&) = delete;

  const std::string& host() const noexcept { return folder_; }

  // The next COMMIT is cut; then the proxy is harmless again.
  void arm(Cut cut) noexcept { cut_ = cut; }
  bool armed() const noexcept { return cut_ != Cut::never; }

 private:
  struct Link {
    int client;
    int server;
    bool swallow = false;  // the COMMIT has gone to the server
    bool ended = false;
  };

  static sockaddr_un address_in(const std::string& folder) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string path = folder + "/.s.PGSQL.5432";
    if (path.size() >= sizeof address.sun_path) throw std::runtime_error("path too long: " + path);
    path.copy(address.sun_path, path.size());
    return address;
  }

  void run() {
    std::list<Link> links;
    while (true) {
      std::vector<pollfd> waits = {{end_[0], POLLIN, 0}, {listener_, POLLIN, 0}};
      for (const Link& link : links) {
        waits.push_back({link.client, POLLIN, 0});
        waits.push_back({link.server, POLLIN, 0});
      }
      if (poll(waits.data(), waits.size(), -1) < 0) continue;
      if (waits[0].revents != 0) break;
      std::size_t i = 2;
      for (Link& link : links) {
        if (waits[i++].revents != 0) from_client(link);
        if (waits[i++].revents != 0 && !link.ended) from_server(link);
      }
      drop_ended(links);
      if (waits[1].revents != 0) accept_link(links);
    }
    for (Link& link : links) link.ended = true;
    drop_ended(links);
  }

  void accept_link(std::list<Link>& links) {
    const int client = accept(listener_, nullptr, nullptr);
    const int server = socket(AF_UNIX, SOCK_STREAM, 0);
    const bool connected = connect(server, reinterpret_cast<const sockaddr*>(&server_), sizeof server_) == 0;
    links.push_back({client, server, false, !connected});
    drop_ended(links);
  }

  void from_client(Link& link) {
    char bytes[16384];
    const ssize_t count = ::read(link.client, bytes, sizeof bytes);
    if (count <= 0) {
      link.ended = true;
      return;
    }
    const std::string_view text(bytes, static_cast<std::size_t>(count));
    if (armed() && text.find("COMMIT") != std::string_view::npos) {
      if (cut_.exchange(Cut::never) == Cut::before_commit) {
        link.ended = true;
        return;
      }
      link.swallow = true;
    }
    forward(text, link.server);
  }

  static void from_server(Link& link) {
    char bytes[16384];
    const ssize_t count = ::read(link.server, bytes, sizeof bytes);
    link.ended = count <= 0 || link.swallow;
    if (!link.ended) forward({bytes, static_cast<std::size_t>(count)}, link.client);
  }

  static void forward(std::string_view text, int target) {
    while (!text.empty()) {
      const ssize_t sent = send(target, text.data(), text.size(), MSG_NOSIGNAL);
      if (sent <= 0) return;
      text.remove_prefix(static_cast<std::size_t>(sent));
    }
  }

  static void drop_ended(std::list<Link>& links) {
    links.remove_if([](const Link& link) {
      if (!link.ended) return false;
      close(link.client);
      close(link.server);
      return true;
    });
  }

  sockaddr_un server_;
  std::string folder_;
  int listener_ = -1;
  int end_[2] = {-1, -1};
  std::atomic<Cut> cut_ = Cut::never;
  std::thread thread_;
};

}  // namespace edgetide::test
