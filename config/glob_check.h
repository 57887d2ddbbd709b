// Globs that look like regular expressions, which they are not: `*` is any run of characters, `?` any one.
//
// Thread: main. Fails: into the report, as warnings.
#pragma once

#include <string_view>

#include "config/node.h"
#include "config/section.h"

namespace edgetide {

// Whether some part of it has a meaning in regular expressions only.
bool is_expression(std::string_view glob) noexcept;

// Of a glob, or of each in a list; null: there is none.
void warn_of_expression(const Section& section, const Node* node);

}  // namespace edgetide
