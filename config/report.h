// Collects what is wrong with a configuration, so that one run shows all of it.
//
// Thread: main.
// Fails:  `error` throws TooManyErrors: what would follow is not looked for.
// Limit:  max_errors.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "config/key_table.h"
#include "config/node.h"

namespace edgetide {

// A file of a megabyte can have a hundred thousand mistakes, each with a search for what was meant.
struct TooManyErrors {};

class Report {
 public:
  static constexpr std::size_t max_errors = 100;

  Report() = default;  // of a file that is read without a key table
  explicit Report(const KeyTable& keys, bool fragment = false) : keys_(&keys), fragment_(fragment) {}

  // The keys that the configuration may have, for reading and for hints.
  const KeyTable& keys() const noexcept { return *keys_; }

  // Names that are not defined may be so in files that are not read.
  bool fragment() const noexcept { return fragment_; }

  void error(const Location& location, const std::string& text, const std::string& hint = {});
  void warning(const Location& location, const std::string& text, const std::string& hint = {});

  // One that is not kept.
  ConfigMessage message(const Location& location) const { return entry(location, {}, {}).message; }

  // The content of a reference: no message shows it.
  void hide(std::string secret);

  bool failed() const noexcept { return !errors_.empty(); }

  // In the order of files and lines. Leaves the report empty.
  std::vector<ConfigMessage> take_errors();
  std::vector<ConfigMessage> take_warnings();

 private:
  struct Entry {
    std::size_t file_order;
    ConfigMessage message;
  };
  Entry entry(const Location& location, const std::string& text, const std::string& hint) const;
  static std::vector<ConfigMessage> take(std::vector<Entry>& entries);

  const KeyTable* keys_ = nullptr;
  bool fragment_ = false;
  std::vector<std::string> hidden_;
  std::vector<Entry> errors_;
  std::vector<Entry> warnings_;
};

// "edgetide.toml:86", for pointing from one message to another location.
std::string short_text(const Location& location);

}  // namespace edgetide
