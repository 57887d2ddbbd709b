// The main file and what it includes, merged into one tree.
//
// include: relative to the main file; a glob in the last component only; matches in byte order; not recursive. Tables
// of the top level ([windows], [time], ...) are merged; a key or a named table that stands twice is an error.
//
// Owns:   the files, which the places in the tree point to.
// Thread: main. Blocks: reads files.
// Fails:  into the report; what could be read is returned.
// Limit:  1 MiB per file, 256 files.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/node.h"
#include "config/report.h"

namespace edgetide {

inline constexpr std::size_t max_config_file_bytes = 1024 * 1024;
inline constexpr std::size_t max_config_files = 256;

class ConfigFiles {
 public:
  Node read(const std::string& path, Report& report);

  // False: a file could not be read or is not TOML, so names that it defines are missing.
  bool complete() const noexcept { return complete_; }

  // Whether this file is among those that the main file includes.
  bool includes(const std::string& path) const { return has(path, 1); }

 private:
  bool has(const std::string& path, std::size_t from) const;
  std::optional<Node> parse_file(const std::string& path, const Location& included_at, Report& report);
  const SourceFile* add_file(const std::string& path, const Location& included_at, Report& report);
  void include_all(const Node& include, Node& root, Report& report);
  void include_file(const std::string& path, const Location& included_at, Node& root, Report& report);

  std::vector<std::unique_ptr<SourceFile>> files_;
  bool complete_ = true;
};

// Lines that may hold a secret: those with "password", "token", "secret", "api_key" or the like in any letters (and
// what follows in a multi-line string), or with an '@' in a URL.
std::vector<bool> find_secret_lines(const std::vector<std::string>& lines);

}  // namespace edgetide
