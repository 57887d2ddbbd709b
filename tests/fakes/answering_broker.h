// A broker of MQTT 5 that only takes messages, and answers each with the reason that a test gives. One connection at a
// time.
//
// Thread: its own, which also calls the test's function; the others from the test's.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

#include "tests/fakes/mosquitto_server.h"

namespace edgetide::test {

class AnsweringBroker {
 public:
  static constexpr int no_answer = -1, cut = -2;
  // The reason of the PUBACK of a topic's message, or one of these.
  using Answer = std::function<int(const std::string& topic)>;

  // `properties` are those of CONNACK, without their length.
  explicit AnsweringBroker(Answer answer, std::string properties = {})
      : answer_(std::move(answer)), properties_(std::move(properties)), listener_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address = loopback(0);
    socklen_t length = sizeof address;
    bind(listener_, reinterpret_cast<sockaddr*>(&address), length);
    getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &length);
    port_ = ntohs(address.sin_port);
    listen(listener_, 8);
    thread_ = std::thread([this] { serve(); });
  }
  ~AnsweringBroker() {
    ending_ = true;
    shutdown(listener_, SHUT_RDWR);
    shutdown(peer_, SHUT_RDWR);
    thread_.join();
    close(listener_);
  }

  std::string uri() const { return "mqtt://127.0.0.1:" + std::to_string(port_); }
  int connections() const { return connections_; }
  // Topics, in the order in which they came.
  std::vector<std::string> published() const {
    const std::lock_guard lock(mutex_);
    return published_;
  }

 private:
  void serve() {
    while (!ending_) {
      const int peer = accept(listener_, nullptr, nullptr);
      if (peer < 0) continue;
      peer_ = peer;
      ++connections_;
      while (take_packet(peer)) {
      }
      peer_ = -1;
      close(peer);
    }
  }

  static bool read(int peer, char* to, std::size_t bytes) {
    return recv(peer, to, bytes, MSG_WAITALL) == static_cast<ssize_t>(bytes);
  }

  static void send(int peer, const std::string& packet) {
    static_cast<void>(::send(peer, packet.data(), packet.size(), MSG_NOSIGNAL));
  }

  bool take_packet(int peer) {
    unsigned char head = 0, next = 0;
    if (!read(peer, reinterpret_cast<char*>(&head), 1)) return false;
    std::size_t size = 0;
    int bits = 0;
    do {
      if (!read(peer, reinterpret_cast<char*>(&next), 1)) return false;
      size |= std::size_t(next & 0x7F) << bits;
      bits += 7;
    } while (next >= 0x80);
    std::string body(size, '\0');
    if (!read(peer, body.data(), size)) return false;
    const int type = head >> 4;
    if (type == 1) {
      const auto length = static_cast<char>(properties_.size());
      send(peer, std::string("\x20", 1) + char(3 + length) + '\0' + '\0' + length + properties_);
    }
    if (type == 12) send(peer, std::string("\xD0\0", 2));
    if (type == 3) return take_message(peer, body);
    return type != 14;
  }

  bool take_message(int peer, const std::string& body) {
    const std::size_t length =
        std::size_t(static_cast<unsigned char>(body[0])) << 8 | static_cast<unsigned char>(body[1]);
    const std::string topic = body.substr(2, length);
    {
      const std::lock_guard lock(mutex_);
      published_.push_back(topic);
    }
    const int reason = answer_(topic);
    if (reason == cut) {
      // No reset, which would overtake the answers that were given.
      shutdown(peer, SHUT_WR);
      for (char rest = 0; read(peer, &rest, 1);) {
      }
      return false;
    }
    if (reason == no_answer) return true;
    const std::string id = body.substr(2 + length, 2);
    send(peer, reason == 0 ? "\x40\x02" + id : "\x40\x03" + id + static_cast<char>(reason));
    return true;
  }

  const Answer answer_;
  const std::string properties_;
  const int listener_;
  int port_ = 0;
  std::atomic<int> peer_ = -1, connections_ = 0;
  std::atomic<bool> ending_ = false;
  mutable std::mutex mutex_;
  std::vector<std::string> published_;
  std::thread thread_;
};

}  // namespace edgetide::test
