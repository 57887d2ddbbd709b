// A configuration file as read: a tree of values, each with its location, and the lines for excerpts.
//
// Owns:   values; a Location points to a SourceFile, which outlives the tree (files.h keeps both).
// Thread: plain values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace edgetide {

inline constexpr std::size_t max_table_keys = 10'000;  // they are found one by one

struct SourceFile {
  std::string path;
  std::size_t order = 0;  // in which files were read; messages are sorted by it
  std::string text;
  std::vector<std::string> lines;
  std::vector<bool> secret_lines;  // never shown: they may hold a password
  bool readable_by_others = false;
};

// Where a key or value stands; columns and lengths in code points.
struct Location {
  const SourceFile* file = nullptr;
  std::size_t line = 0;  // 1-based; 0: the file as a whole
  std::size_t column = 0;
  std::size_t length = 1;
  bool secret = false;  // its line is not shown, whatever it holds
};

// Its line is never shown, nor what stands there.
inline bool is_secret_line(const Location& location) {
  return location.file != nullptr && location.line > 0 && location.line <= location.file->secret_lines.size() &&
         location.file->secret_lines[location.line - 1];
}

struct Node {
  enum class Kind { table, list, text, integer, real, boolean, date_time };

  Kind kind = Kind::table;
  std::string key;        // in its table; empty for elements of a list
  Location key_location;  // of the key; for elements of a list the value's
  Location location;      // of the value
  std::string text;       // text: the value; ${...} is resolved in here
  std::string written;    // text: as it stands in the file, which may be shown
  bool known = true;      // false: the text holds a reference that was not, or could not be, resolved
  std::int64_t integer = 0;
  double real = 0;
  bool boolean = false;
  std::vector<Node> children;  // of tables and lists, in the order of the file

  const Node* find(std::string_view name) const noexcept {
    for (const Node& child : children) {
      if (child.key == name) return &child;
    }
    return nullptr;
  }
};

}  // namespace edgetide
