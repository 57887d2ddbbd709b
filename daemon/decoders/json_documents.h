// Several JSON documents in one text, behind each other or one a line: {"t":1}{"t":2}
//
// Thread: pure. Fails: never; text that cannot be JSON is a document too, up to the end of its line.
#pragma once

#include <string_view>

namespace edgetide {

// The document at the front of the text, which is taken off it; empty: there is none left.
std::string_view take_json_document(std::string_view& text) noexcept;

}  // namespace edgetide
