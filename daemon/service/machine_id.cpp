#include "daemon/service/machine_id.h"

#include <cstdint>
#include <fstream>
#include <string_view>

namespace edgetide {

namespace {

// The first line, or nothing.
std::string first_line(const std::string& path) {
  std::string line;
  std::ifstream file(path);
  std::getline(file, line);
  while (!line.empty() && (line.back() == '\0' || line.back() == '\r' || line.back() == ' ')) line.pop_back();
  return line;
}

std::string installation(const std::string& root) {
  for (const char* const path : {"etc/machine-id", "var/lib/dbus/machine-id"}) {
    std::string id = first_line(root + path);
    if (!id.empty() && id != "uninitialized") return id;
  }
  return {};
}

// FNV-1a
std::uint64_t mix(std::uint64_t hash, std::string_view text) noexcept {
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3;
  return hash;
}

}  // namespace

std::string short_machine_id(const std::string& root) {
  const std::string system = installation(root), board = first_line(root + "proc/device-tree/serial-number");
  if (system.empty() && board.empty()) return {};
  std::uint64_t hash = mix(mix(mix(0xCBF29CE484222325, "edgetide"), system), "/" + board);
  hash ^= hash >> 32;
  std::string digits;
  for (int shift = 28; shift >= 0; shift -= 4) digits += "0123456789abcdef"[hash >> shift & 0xF];
  return digits;
}

std::string short_machine_id() {
  static const std::string id = short_machine_id("/");
  return id;
}

}  // namespace edgetide
