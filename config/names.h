// The names a configuration defines, with their places, so that a dangling name can be answered.
//
// Thread: plain values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "config/section.h"

namespace edgetide {

// Sources, or windows, in the order of their ids.
class Names {
 public:
  explicit Names(std::string_view what) : what_(what) {}

  void add(const Node& definition) { definitions_.push_back(&definition); }
  std::size_t size() const noexcept { return definitions_.size(); }

  // The positions that the list `inputs` of a section names; all when it has no such list.
  std::vector<std::uint32_t> inputs_of(const Section& section) const;

 private:
  const Node* find(std::string_view name) const noexcept;
  void report_dangling(const Section& section, const Node& input) const;

  std::string_view what_;  // "source"
  std::vector<const Node*> definitions_;
};

// True if the name is [a-z][a-z0-9_]{0,47}, with `dashes` also '-'; reports it otherwise.
bool check_name(const Node& definition, std::string_view section, bool dashes, Report& report);

}  // namespace edgetide
