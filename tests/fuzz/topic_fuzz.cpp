// A pattern and a topic, a line each: a pattern that is taken makes a legal filter, matches it and captures every name.
#include <algorithm>
#include <stdexcept>
#include <string>
#include <vector>

#include "daemon/decoders/json_path.h"
#include "daemon/decoders/route.h"
#include "tests/fuzz/fuzz_target.h"

namespace edgetide {
namespace {

bool inside(std::string_view part, std::string_view whole) {
  return part.empty() || (part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size());
}

// "a/#" matches "a" too, "a/{name...}" wants a level more.
bool needs_a_rest(std::string_view pattern) {
  return pattern.ends_with("...}");
}

void check_pattern(std::string_view text, std::string_view topic) {
  const TopicPattern pattern(text);
  const std::string filter = pattern.filter();
  require(TopicPattern(filter).filter() == filter, "a filter is a pattern of itself");
  std::vector<Capture> captures;
  const bool filter_matches = TopicPattern(filter).match(topic, captures);
  const bool matches = pattern.match(topic, captures);
  require(filter_matches || !matches, "a filter matches what its pattern matches");
  require(matches || !filter_matches || needs_a_rest(text), "a pattern matches what its filter matches");
  if (!matches) return;
  require(captures.size() == pattern.capture_names().size(), "every name is captured");
  for (std::size_t i = 0; i < captures.size(); ++i) {
    require(captures[i].name == pattern.capture_names()[i], "captures are in the pattern's order");
    require(inside(captures[i].text, topic), "a capture is part of the topic");
  }
}

}  // namespace
}  // namespace edgetide

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input = edgetide::text_of(data, size);
  const std::size_t newline = std::min(input.find('\n'), input.size());
  try {
    edgetide::check_pattern(input.substr(0, newline), input.substr(std::min(newline + 1, input.size())));
  } catch (const std::invalid_argument&) {
  }
  try {
    const edgetide::JsonPath path(input.substr(0, newline));
  } catch (const std::invalid_argument&) {
  }
  return 0;
}
