// A regular expression with named groups, in the syntax of RE2: "(?P<url>\S+) (?P<status>\d{3})". The time of a search
// is linear in the line, whatever the pattern.
//
// See: https://github.com/google/re2/wiki/Syntax
// Limit:  a pattern of 4 KiB with 32 groups; 1 MiB for the compiled pattern and the states that searches keep. A search
//         that would need more is slower, not wrong.
// Thread: one at a time.
// Fails:  construction throws std::invalid_argument with a reason ("pattern: ...").
// Cost:   compiled once. A search allocates only inside RE2, for patterns that it cannot run in one pass: those that do
//         not begin with ^, are ambiguous, or have more than four groups.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace edgetide {

class LinePattern {
 public:
  static constexpr std::size_t max_pattern_bytes = 4096;
  static constexpr std::size_t max_groups = 32;
  static constexpr std::size_t max_memory_bytes = 1024 * 1024;
  static constexpr std::size_t no_group = 0;

  explicit LinePattern(const std::string& pattern);
  ~LinePattern();

  // no_group if there is none of that name.
  std::size_t group_named(std::string_view name) const noexcept;

  // The first match at or behind `from` that is not empty; false if there is none.
  bool find(std::string_view line, std::size_t from);

  // Of the last match; empty if the group took no part in it. They point into the line.
  std::string_view text_of(std::size_t group) const noexcept;
  std::size_t match_end() const noexcept { return match_end_; }

 private:
  struct Compiled;
  std::unique_ptr<Compiled> compiled_;
  std::size_t match_end_ = 0;
};

}  // namespace edgetide
