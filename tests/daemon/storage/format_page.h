// The worked examples of FORMAT.md. Requires: EDGETIDE_STORAGE_FOLDER.
#pragma once

#include <cstdio>
#include <fstream>
#include <sstream>
#include <string>

namespace edgetide::test {

// As hexdump -C prints it, without the column of text.
inline std::string to_hexdump(const std::string& bytes) {
  std::string text;
  char piece[32];
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (i % 16 == 0) {
      std::snprintf(piece, sizeof piece, "%s%08zx ", i == 0 ? "" : "\n", i);
      text += piece;
    }
    std::snprintf(piece, sizeof piece, " %02x", static_cast<unsigned>(static_cast<unsigned char>(bytes[i])));
    text += piece;
  }
  return text + '\n';
}

// The lines of one hexdump block of the page: what stands behind ```hexdump.
inline std::string hexdump_of_page(const std::string& of = {}) {
  const std::string fence = of.empty() ? "```hexdump" : "```hexdump " + of;
  std::ifstream page(EDGETIDE_STORAGE_FOLDER "/FORMAT.md");
  std::string text;
  bool inside = false;
  for (std::string line; std::getline(page, line);) {
    if (line.starts_with("```")) {
      inside = line == fence;
    } else if (inside) {
      text += line + '\n';
    }
  }
  return text;
}

inline std::string bytes_of(const std::string& hexdump) {
  std::string bytes;
  std::istringstream lines(hexdump);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream columns(line.substr(8));
    for (unsigned byte = 0; columns >> std::hex >> byte;) bytes += static_cast<char>(byte);
  }
  return bytes;
}

}  // namespace edgetide::test
