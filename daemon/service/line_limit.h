// Keeps lines that come again and again from filling the log: of each kind some pass until the next report, the others
// are counted, and the report tells their number.
//
// Pure. Owns: a count per kind that came since the last report; kinds are few, as the events and the names of a
// configuration are. Thread: one at a time. Fails: never.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace edgetide {

class LineLimit {
 public:
  static constexpr std::uint64_t max_lines = 10;

  // False: the line is counted instead.
  bool passes(const std::string& kind) { return ++lines_[kind] <= max_lines; }

  // Kinds of which lines did not pass, with their number. All kinds start again.
  std::vector<std::pair<std::string, std::uint64_t>> take_withheld();

 private:
  std::map<std::string, std::uint64_t> lines_;
};

}  // namespace edgetide
