// format = "cbor"
#include "config/parts.h"
#include "daemon/decoders/cbor_decoder.h"

namespace edgetide {

namespace {

// A text or a small number would be CBOR, too.
bool begins_as_map_or_list(std::string_view payload) {
  return !payload.empty() && static_cast<unsigned char>(payload[0]) >= 0x80;
}

constexpr std::string_view cbor_chapter = R"page(
## CBOR

`cbor` has the paths of the JSON of the same meaning. Keys that are integers are names in decimal (`values = ["-2"]`),
byte strings are text such as `0x70b3d57e`, and a number of single precision is the shortest decimal that it stands for
(21.4). Decimal fractions (tag 4) are numbers, bignums are refused, and other tags are skipped. Over sockets CBOR needs
another `framing` than `newline`.
)page";

}  // namespace

FormatPart cbor_payload() {
  FormatPart part{{.meaning = "`cbor` is mapped as `json`, see below.", .library = "libcbor"}, &cbor_format};
  part.chapter = cbor_chapter;
  part.learning = {.rank = 10, .may_be = begins_as_map_or_list, .names = Learning::Names::tried};
  return part;
}

}  // namespace edgetide
