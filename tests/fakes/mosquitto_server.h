// A private mosquitto on a free loopback port, with a persistent session store in memory only. Thread: one.
#pragma once

#include <arpa/inet.h>
#include <chrono>
#include <memory>
#include <netinet/in.h>
#include <sys/socket.h>
#include <thread>

#include "tests/fakes/child_process.h"
#include "tests/fakes/temporary_folder.h"

namespace edgetide::test {

inline sockaddr_in loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<in_port_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

// An unused port.
inline int free_port() {
  const int probe = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address = loopback(0);
  socklen_t length = sizeof address;
  bind(probe, reinterpret_cast<sockaddr*>(&address), length);
  getsockname(probe, reinterpret_cast<sockaddr*>(&address), &length);
  close(probe);
  return ntohs(address.sin_port);
}

inline bool is_listening(int port) {
  const int probe = socket(AF_INET, SOCK_STREAM, 0);
  const sockaddr_in address = loopback(port);
  const bool up = connect(probe, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  close(probe);
  return up;
}

class MosquittoServer {
 public:
  explicit MosquittoServer(const std::string& settings = "allow_anonymous true\n") : settings_(settings) { start(); }

  void start() {
    const std::string config = folder_.write(
        "m.conf", "user root\npersistence false\nlistener " + std::to_string(port_) + " 127.0.0.1\n" + settings_);
    server_ = std::make_unique<ChildProcess>(std::vector<std::string>{"mosquitto", "-c", config}, folder_ / "log");
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (!is_listening(port_)) {
      if (std::chrono::steady_clock::now() > deadline) throw std::runtime_error("mosquitto does not start");
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
  }
  void kill() { server_.reset(); }

  int port() const { return port_; }
  std::string uri(const std::string& scheme = "mqtt", const std::string& host = "127.0.0.1") const {
    return scheme + "://" + host + ":" + std::to_string(port_);
  }
  const TemporaryFolder& folder() const { return folder_; }

  // QoS 1, through the mosquitto_pub program; true once the broker has it.
  bool publish(const std::string& topic, const std::string& payload, std::vector<std::string> more = {}) const {
    std::vector<std::string> arguments = {
        "mosquitto_pub", "-h", "127.0.0.1", "-p", std::to_string(port_), "-q", "1", "-t", topic, "-m", payload};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_program(arguments) == 0;
  }

 private:
  TemporaryFolder folder_;
  std::string settings_;
  int port_ = free_port();
  std::unique_ptr<ChildProcess> server_;
};

}  // namespace edgetide::test
