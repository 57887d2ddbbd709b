// An HTTP server on loopback that reads requests strictly and does what a test says: answers, stalls, lies, leaves.
//
// One connection after the other. A request that breaks RFC 9112 fails the test.
// Thread: its own for serving; `requests` from any. Fails: std::runtime_error where it cannot listen.
#pragma once

#include <algorithm>
#include <arpa/inet.h>
#include <atomic>
#include <charconv>
#include <functional>
#include <gtest/gtest.h>
#include <map>
#include <mutex>
#include <poll.h>
#include <stdexcept>
#include <string>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

#include "daemon/service/descriptor.h"

namespace edgetide::test {

struct ScriptedRequest {
  std::string method, target, body;
  std::map<std::string, std::string> headers;  // names in lower case

  std::string header(const std::string& name) const {
    const auto found = headers.find(name);
    return found == headers.end() ? std::string() : found->second;
  }
};

struct ScriptedReply {
  enum class Then { keep, close, reset, stall, repeat, drip };

  std::string bytes = "HTTP/1.1 204 No Content\r\n\r\n";
  Then then = Then::keep;  // of the connection; repeat, drip: the bytes in `again`, until the peer leaves
  std::string again = {};
};

inline ScriptedReply reply(int status, const std::string& body = "", const std::string& headers = "") {
  return {"HTTP/1.1 " + std::to_string(status) + " Words\r\n" + headers +
          "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body};
}

class ScriptedHttpServer {
 public:
  using Answer = std::function<ScriptedReply(const ScriptedRequest&)>;

  explicit ScriptedHttpServer(Answer answer)
      : answer_(std::move(answer)), listener_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* const any = reinterpret_cast<sockaddr*>(&address);
    if (::bind(listener_.get(), any, size) != 0 || ::listen(listener_.get(), 8) != 0 ||
        ::getsockname(listener_.get(), any, &size) != 0) {
      throw std::runtime_error("cannot listen");
    }
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { serve(); });
  }
  ~ScriptedHttpServer() {
    stopping_ = true;
    thread_.join();
  }
  ScriptedHttpServer(const ScriptedHttpServer&) = delete;
  ScriptedHttpServer& operator=(const ScriptedHttpServer&) = delete;

  int port() const noexcept { return port_; }
  std::string url(const std::string& target = "/rows") const {
    return "http://127.0.0.1:" + std::to_string(port_) + target;
  }
  std::vector<ScriptedRequest> requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
  }
  // Connections whose peer has left before or while it was answered.
  int left() const noexcept { return left_; }

 private:
  static constexpr int look_each_ms = 20;

  bool is_ready(int socket, short events) const {
    pollfd wanted{socket, events, 0};
    while (!stopping_) {
      if (::poll(&wanted, 1, look_each_ms) > 0) return true;
    }
    return false;
  }

  void serve() {
    while (is_ready(listener_.get(), POLLIN)) {
      const Descriptor peer(::accept(listener_.get(), nullptr, nullptr));
      std::string bytes;
      ScriptedRequest request;
      while (read_request(peer.get(), bytes, request)) {
        {
          const std::lock_guard lock(mutex_);
          requests_.push_back(request);
        }
        if (!act(peer.get(), answer_(request))) break;
      }
    }
  }

  bool receive(int peer, std::string& bytes) {
    char some[64 * 1024];
    if (!is_ready(peer, POLLIN)) return false;
    const ssize_t count = ::recv(peer, some, sizeof some, 0);
    if (count > 0) bytes.append(some, static_cast<std::size_t>(count));
    return count > 0;
  }

  bool read_request(int peer, std::string& bytes, ScriptedRequest& request) {
    std::size_t end = 0;
    while ((end = bytes.find("\r\n\r\n")) == std::string::npos) {
      if (!receive(peer, bytes)) return false;
    }
    request = parsed_head(bytes.substr(0, end + 2));
    bytes.erase(0, end + 4);
    std::size_t length = 0;
    const std::string text = request.header("content-length");
    EXPECT_EQ(std::from_chars(text.data(), text.data() + text.size(), length).ec, std::errc()) << "no Content-Length";
    while (bytes.size() < length) {
      if (!receive(peer, bytes)) return false;
    }
    request.body = bytes.substr(0, length);
    bytes.erase(0, length);
    return true;
  }

  static ScriptedRequest parsed_head(const std::string& head) {
    ScriptedRequest request;
    std::size_t at = head.find("\r\n");
    const std::string line = head.substr(0, at);
    const std::size_t first = line.find(' '), second = line.rfind(' ');
    EXPECT_EQ(line.substr(second + 1), "HTTP/1.1") << line;
    request.method = line.substr(0, first);
    request.target = line.substr(first + 1, second - first - 1);
    for (at += 2; at < head.size();) {
      const std::size_t stop = head.find("\r\n", at), colon = head.find(": ", at);
      EXPECT_LT(colon, stop) << head.substr(at, stop - at);
      if (colon >= stop) break;
      std::string name = head.substr(at, colon - at);
      std::transform(name.begin(), name.end(), name.begin(), [](char c) { return static_cast<char>(std::tolower(c)); });
      EXPECT_TRUE(request.headers.emplace(name, head.substr(colon + 2, stop - colon - 2)).second) << "twice: " << name;
      at = stop + 2;
    }
    EXPECT_TRUE(request.headers.contains("host"));
    return request;
  }

  // False: it has left, or is to leave.
  bool act(int peer, const ScriptedReply& reply) {
    using Then = ScriptedReply::Then;
    bool is_there = put(peer, reply.bytes);
    while (is_there && !stopping_ && (reply.then == Then::repeat || reply.then == Then::drip)) {
      if (reply.then == Then::drip) is_there = !has_left(peer);
      is_there = is_there && put(peer, reply.again);
    }
    while (is_there && !stopping_ && reply.then == Then::stall) is_there = !has_left(peer);
    if (!is_there) ++left_;
    if (reply.then == Then::reset) {
      const linger at_once{1, 0};
      ::setsockopt(peer, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    }
    return reply.then == Then::keep && is_there;
  }

  static bool has_left(int peer) {
    pollfd wanted{peer, POLLIN, 0};
    char byte = 0;
    return ::poll(&wanted, 1, look_each_ms) > 0 && ::recv(peer, &byte, 1, MSG_PEEK) <= 0;
  }

  bool put(int peer, std::string_view bytes) const {
    while (!bytes.empty()) {
      if (!is_ready(peer, POLLOUT)) return false;
      const ssize_t count = ::send(peer, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (count < 0 && errno != EAGAIN) return false;
      if (count > 0) bytes.remove_prefix(static_cast<std::size_t>(count));
    }
    return true;
  }

  const Answer answer_;
  const Descriptor listener_;
  int port_ = 0;
  std::atomic<bool> stopping_ = false;
  std::atomic<int> left_ = 0;
  mutable std::mutex mutex_;
  std::vector<ScriptedRequest> requests_;  // under mutex_
  std::thread thread_;
};

}  // namespace edgetide::test
