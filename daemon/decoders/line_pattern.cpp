#include "daemon/decoders/line_pattern.h"

#include <algorithm>
#include <array>
#include <map>
#include <re2/re2.h>
#include <stdexcept>

#include "daemon/decoders/id_text.h"

namespace edgetide {

struct LinePattern::Compiled {
  Compiled(const std::string& pattern, const RE2::Options& options) : expression(pattern, options) {}

  RE2 expression;
  int group_count = 0;
  std::array<re2::StringPiece, max_groups + 1> groups;  // of the last match; the first is all of it
};

namespace {

RE2::Options compile_options() {
  RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(static_cast<std::int64_t>(LinePattern::max_memory_bytes));
  return options;
}

[[noreturn]] void refuse_pattern(const std::string& reason) {
  throw std::invalid_argument("pattern: " + reason);
}

}  // namespace

LinePattern::LinePattern(const std::string& pattern) {
  if (pattern.empty()) refuse_pattern(R"(format 'regex' needs one, such as '(?P<sensor>\S+) (?P<value>\S+)')");
  if (pattern.size() > max_pattern_bytes) refuse_pattern("longer than 4096 bytes");
  compiled_ = std::make_unique<Compiled>(pattern, compile_options());
  const RE2& expression = compiled_->expression;
  if (expression.error_code() == RE2::ErrorPatternTooLarge) refuse_pattern("needs more than 1 MiB; repeat less in it");
  if (!expression.ok()) {
    const bool is_named = expression.error_arg().starts_with("(?<");
    refuse_pattern("not a regular expression of RE2: " + escaped(expression.error()) +
                   (is_named ? "; a named group is (?P<name>...)" : ""));
  }
  compiled_->group_count = expression.NumberOfCapturingGroups();
  if (static_cast<std::size_t>(compiled_->group_count) > max_groups) {
    refuse_pattern("has more than 32 groups; write (?:...) for those without a name");
  }
}

LinePattern::~LinePattern() = default;

std::size_t LinePattern::group_named(std::string_view name) const noexcept {
  for (const auto& [group, index] : compiled_->expression.NamedCapturingGroups()) {
    if (group == name) return static_cast<std::size_t>(index);
  }
  return no_group;
}

bool LinePattern::find(std::string_view line, std::size_t from) {
  const re2::StringPiece text(line.data(), line.size());
  auto& groups = compiled_->groups;
  while (from <= line.size()) {
    if (!compiled_->expression.Match(text, from, line.size(), RE2::UNANCHORED, groups.data(),
                                     compiled_->group_count + 1)) {
      return false;
    }
    match_end_ = static_cast<std::size_t>(groups[0].data() - line.data()) + groups[0].size();
    if (!groups[0].empty()) return true;
    from = match_end_ < line.size() ? match_end_ + std::max<std::size_t>(1, utf8_length(line.substr(match_end_)))
                                    : line.size() + 1;
  }
  return false;
}

std::string_view LinePattern::text_of(std::size_t group) const noexcept {
  const re2::StringPiece& text = compiled_->groups[group];
  return text.data() == nullptr ? std::string_view() : std::string_view(text.data(), text.size());
}

}  // namespace edgetide
