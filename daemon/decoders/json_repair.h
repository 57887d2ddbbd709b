// Makes JSON of text that nearly is: one bad value, or one bad character, is not to cost its neighbours.
//
//   NaN, 012, 1e999, True     values without quotes that JSON does not know become strings that begin with bare_mark
//   "a<tab>b", "21 <B0>C"     control characters in strings are escaped, bytes that are not UTF-8 read as ISO 8859-1
//   "\ud83d"                  half of a surrogate pair becomes the replacement character
//   1<NUL>,2                  control characters elsewhere become blanks
//
// Thread: pure.
// Fails:  false: there is nothing to repair, or the text is not JSON for another reason.
// Limit:  max_payload_bytes for what is made.
#pragma once

#include <string_view>
#include <vector>

namespace edgetide {

bool repair_json(std::string_view text, std::vector<char>& out);

}  // namespace edgetide
