// CBOR as the JSON text of the same meaning, so that one decoder reads both: the only user of libcbor.
//
//   floats          the shortest decimal text that is read back as the same number of their precision: 21.4f is 21.4
//   NaN, Infinity   strings that begin with bare_mark, as the repair of JSON makes them (json.h)
//   keys            those that are not text are the text of what they are: {-2: "a"} is {"-2":"a"}, true "true", an
//                   array "[]" and a map "{}", whatever is in it
//   byte strings    "0x" and hexadecimal digits, which no decoder takes for a number
//   tags            a decimal fraction (4) and a bigfloat (5) of two integers are numbers; others, and bignums (2, 3),
//                   are strings that begin with bare_mark: a bad number, which costs only itself. Further tags are
//                   skipped, so that a time (0, 1) is the text or the number behind its tag
//   simple values   those without a meaning too are such a string
//   undefined       null
//
// The payload is one item.
//
// See:    RFC 8949. Thread: pure.
// Fails:  a refusal with the offset of the item that is refused.
// Limit:  max_payload_bytes for the text, max_json_depth (decoder.h).
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "pipeline/refusal.h"

namespace edgetide {

struct CborRefusal {
  Refusal reason;
  std::size_t offset;
};

// Replaces `text`; nothing: it is complete.
std::optional<CborRefusal> json_of_cbor(std::string_view payload, std::string& text);

}  // namespace edgetide
