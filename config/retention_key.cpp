#include "config/retention_key.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <vector>

#include "config/key_spec.h"
#include "config/spelling.h"
#include "pipeline/time_text.h"

namespace edgetide {

namespace {

constexpr Duration shortest = Duration::hours(1), longest = Duration::days(36'500);

const WindowOptions* window_named(const PartContext& context, std::string_view name) {
  const auto found = std::find_if(context.inputs.begin(), context.inputs.end(),
                                  [&](const WindowOptions* window) { return window->name == name; });
  return found == context.inputs.end() ? nullptr : *found;
}

void report_unknown(const Section& section, const Node& entry, const PartContext& context) {
  if (section.report().fragment()) return;
  std::vector<std::string_view> names;
  for (const WindowOptions* window : context.inputs) names.push_back(window->name);
  section.error_at(entry.key_location, "retention: '" + entry.key + "' is not a window of this sink",
                   did_you_mean(entry.key, names));
}

std::optional<Duration> time_of(const Section& section, const Node& entry) {
  const std::optional<Duration> kept = entry.kind == Node::Kind::text ? parse_duration(entry.text) : std::nullopt;
  if (kept && *kept >= shortest && *kept <= longest) return kept;
  section.error_at(entry.location, "retention: " + entry.key + " is " + shown(entry) + ", it must be a duration from " +
                                       to_text(shortest) + " to 100y, such as \"30d\"");
  return std::nullopt;
}

}  // namespace

KeySpec retention_key(const std::string& more) {
  return keys::of_type(ValueType::text_table, "retention", "{}",
                       "How long the rows of a window are kept, such as `{ minute = \"30d\", quarter = \"2y\" }`, by "
                       "the start of their windows; from 1h to 100y. Other windows keep theirs for ever. " +
                           more);
}

Retention read_retention(const Section& section, const PartContext& context) {
  Retention retention;
  const Node* const table = section.table("retention");
  if (table == nullptr) return retention;
  for (const Node& entry : table->children) {
    const WindowOptions* const window = window_named(context, entry.key);
    if (window == nullptr) {
      report_unknown(section, entry, context);
    } else if (window->kind == WindowKind::running) {
      section.error_at(entry.key_location, "retention: " + entry.key + " is a running window: its rows never end");
    } else if (entry.kind != Node::Kind::text || entry.known) {
      if (const auto kept = time_of(section, entry)) retention[entry.key] = *kept;
    }
  }
  return retention;
}

}  // namespace edgetide
