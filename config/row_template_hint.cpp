#include "config/row_template_hint.h"

#include "config/spelling.h"
#include "sinks/row_template.h"

namespace edgetide {

// `{gatway}` is nearest to `gateway`; one that begins with a label's name is not looked for.
std::string row_template_hint(std::string_view unknown) {
  if (unknown.empty()) return {};
  const std::string_view near = nearest(unknown, RowTemplate::names());
  if (near.empty()) return "there are {gateway}, {window}, {sensor}, {metric} and {label.NAME}";
  return "did you mean '{" + std::string(near) + (near.ends_with('.') ? "NAME}'?" : "}'?");
}

}  // namespace edgetide
