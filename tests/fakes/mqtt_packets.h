// Packets of MQTT as a client sends them, for tests: bytes of a body with its head, and hex to read and to write them.
//
// Thread: pure.
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

namespace edgetide::test::mqtt {

inline std::string u16(unsigned value) {
  return {static_cast<char>(value >> 8U), static_cast<char>(value)};
}
inline std::string text(std::string_view bytes) {
  return u16(static_cast<unsigned>(bytes.size())).append(bytes);
}
inline std::string variable(std::size_t value) {
  std::string bytes;
  for (; value >= 0x80; value >>= 7U) bytes += static_cast<char>((value & 0x7FU) | 0x80U);
  return bytes + static_cast<char>(value);
}
inline std::string packet(unsigned head, std::string_view body) {
  return std::string(1, static_cast<char>(head)) + variable(body.size()).append(body);
}

struct ConnectOptions {
  int version = 4;
  std::string client_id = "c";
  bool clean = true;
  unsigned keep_alive = 60;
  std::string properties = {};
  std::string username = {};
  std::string password = {};
};
inline std::string connect(const ConnectOptions& options = {}) {
  unsigned flags = options.clean ? 2 : 0;
  if (!options.username.empty()) flags |= 0x80U;
  if (!options.password.empty()) flags |= 0x40U;
  std::string body = text("MQTT");
  body += static_cast<char>(options.version);
  body += static_cast<char>(flags);
  body += u16(options.keep_alive);
  if (options.version == 5) body += variable(options.properties.size()) + options.properties;
  body += text(options.client_id);
  if (!options.username.empty()) body += text(options.username);
  if (!options.password.empty()) body += text(options.password);
  return packet(0x10, body);
}

struct PublishOptions {
  int version = 4;
  unsigned qos = 0;
  unsigned id = 0;
  bool dup = false;
  bool retain = false;
  std::string properties = {};
};
inline std::string publish(std::string_view topic, std::string_view payload, const PublishOptions& options = {}) {
  std::string body = text(topic);
  if (options.qos > 0) body += u16(options.id);
  if (options.version == 5) body += variable(options.properties.size()) + options.properties;
  body += payload;
  return packet(0x30U | (options.dup ? 8U : 0U) | options.qos << 1U | (options.retain ? 1U : 0U), body);
}
inline std::string pubrel(unsigned id) {
  return packet(0x62, u16(id));
}
inline const std::string pingreq{"\xC0\0", 2};
inline const std::string disconnect{"\xE0\0", 2};

inline std::string hex(std::string_view bytes) {
  std::string out;
  for (const char c : bytes) {
    char two[4];
    std::snprintf(two, sizeof two, out.empty() ? "%02x" : " %02x",
                  static_cast<unsigned>(static_cast<unsigned char>(c)));
    out += two;
  }
  return out;
}

inline std::string from_hex(std::string_view digits) {
  std::string out, two;
  for (const char c : digits) {
    if (c == ' ') continue;
    two += c;
    if (two.size() < 2) continue;
    out += static_cast<char>(std::stoi(two, nullptr, 16));
    two.clear();
  }
  return out;
}

}  // namespace edgetide::test::mqtt
