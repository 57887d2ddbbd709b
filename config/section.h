// One table of the configuration, read key by key against the key table. Constructing it reports unknown and missing
// keys; every `read` leaves its target alone when the key is absent, and reports what does not fit.
//
// Owns:   nothing; node, groups and report outlive it.
// Thread: main.
// Fails:  into the report.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/key_table.h"
#include "config/node.h"
#include "config/report.h"
#include "pipeline/enum_word.h"
#include "pipeline/time.h"

namespace edgetide {

class Section {
 public:
  // `name` is how messages call it: "windows.minute".
  Section(const Node& table, std::string name, std::vector<const KeyGroup*> groups, Report& report);

  const std::string& name() const noexcept { return name_; }
  const Node& node() const noexcept { return table_; }
  const KeyTable& keys() const noexcept { return report_.keys(); }
  const Node* find(std::string_view key) const noexcept { return table_.find(key); }
  // Of the value of a key, or of the section when it is absent.
  const Location& location(std::string_view key) const noexcept;

  // True if a table of this kind may have the key.
  bool takes(std::string_view key) const noexcept;

  void read(std::string_view key, std::string& target) const;
  void read(std::string_view key, bool& target) const;
  void read(std::string_view key, int& target) const;
  void read(std::string_view key, std::size_t& target) const;  // sizes and integers
  void read(std::string_view key, double& target) const;
  void read(std::string_view key, Duration& target) const;
  void read(std::string_view key, std::vector<std::string>& target) const;
  void read_rate(std::string_view key, double& per_second) const;  // 0: none

  // One of the key's words.
  std::optional<std::string_view> word(std::string_view key) const;
  template <class Value, std::size_t count>
  void read_word(std::string_view key, Value& target, const EnumWord<Value> (&words)[count]) const {
    const std::optional<std::string_view> text = word(key);
    if (text) target = value_of(words, *text).value_or(target);
  }

  // The strings of a list, with their locations; those that are not known yet are left out.
  std::vector<const Node*> texts(std::string_view key) const;

  // The members of a list of tables; a value of another kind is reported.
  std::vector<const Node*> tables(std::string_view key) const;
  const Node* table(std::string_view key) const;

  void error(std::string_view key, std::string_view text, std::string hint = {}) const;
  // An error if reading the file that the key names would not end, or would fill the memory; none if there is no file.
  void refuse_unfit_file(std::string_view key, const std::string& path) const;
  void error_at(const Location& location, std::string_view text, std::string hint = {}) const;
  void warning(std::string_view key, std::string_view text, std::string hint = {}) const {
    warning_at(location(key), text, std::move(hint));
  }
  void warning_at(const Location& location, std::string_view text, std::string hint = {}) const;
  // Where the file or folder that the key names is missing, or depends on the folder that the daemon is started in.
  void warn_of_missing_file(std::string_view key, const std::string& path) const;
  Report& report() const noexcept { return report_; }

 private:
  const KeySpec& spec(std::string_view key) const;
  void report_unknown(const Node& node) const;
  void report_missing() const;
  bool is(const Node& node, Node::Kind kind, std::string_view wanted) const;
  bool fits(const Node& node, std::int64_t value, const KeySpec& spec) const;
  std::optional<std::int64_t> integer(const Node& node, const KeySpec& spec) const;
  std::optional<std::int64_t> size(const Node& node, const KeySpec& spec) const;

  const Node& table_;
  std::string name_;
  std::vector<const KeyGroup*> groups_;
  Report& report_;
};

// The `type` of a table, which decides what other keys it may have: read first and by itself.
std::optional<std::string_view> type_word(const Node& table, const std::string& name, const KeyGroup& group,
                                          Report& report);

// A value as a message shows it: "60" in quotes, 60, true, a list.
std::string shown(const Node& node);

// What a bound is called: "100ms", "64KiB", "3".
std::string bound_text(std::int64_t bound, ValueType type);

}  // namespace edgetide
