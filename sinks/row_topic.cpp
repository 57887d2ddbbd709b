#include "sinks/row_topic.h"

#include <algorithm>
#include <utility>

namespace edgetide {

namespace {

using Part = RowTemplate::Part;

constexpr std::size_t max_topic_bytes = 65'535;
constexpr std::string_view not_in_topics("+#\0", 3);

std::string quoted(std::string_view text) {
  return '\'' + std::string(text) + '\'';
}

}  // namespace

std::optional<RowTopic::Fault> RowTopic::fault_of(std::string_view text) {
  if (text.size() > max_topic_bytes) return Fault{"is longer than " + std::to_string(max_topic_bytes) + " bytes"};
  const RowTemplate parsed(text, {});
  const bool is_filter = std::any_of(parsed.parts().begin(), parsed.parts().end(), [](const Part& part) {
    return part.kind == Part::Kind::fixed && part.text.find_first_of(not_in_topics) != part.text.npos;
  });
  if (is_filter) return Fault{"names topics to publish to, which have no + or #"};
  return RowTemplate::fault_of(text);
}

RowTopic::RowTopic(std::string_view text, std::string gateway, std::size_t max_levels)
    : template_(text, std::move(gateway)), max_levels_(max_levels) {}

std::string RowTopic::expand(const WindowSchema& window, const Series& series, std::string& topic) const {
  topic.clear();
  for (const Part& part : template_.parts()) {
    const std::string_view value = template_.value_of(part, window, series);
    if (part.kind != Part::Kind::fixed && value.find_first_of(not_in_topics) != value.npos) {
      return "a topic cannot hold the +, # or NUL of " + quoted(value);
    }
    topic += value;
  }
  if (topic.empty()) return "its topic is empty";
  if (topic.size() > max_topic_bytes) return "its topic is longer than " + std::to_string(max_topic_bytes) + " bytes";
  if (topic.front() == '$' && template_.parts().front().kind != Part::Kind::fixed) {
    return "its topic " + quoted(topic) + " would be one of the broker's own, which begin with $";
  }
  const auto levels = static_cast<std::size_t>(std::count(topic.begin(), topic.end(), '/')) + 1;
  if (levels <= max_levels_) return {};
  return "its topic " + quoted(topic) + " has " + std::to_string(levels) + " levels, max_topic_levels is " +
         std::to_string(max_levels_);
}

}  // namespace edgetide
