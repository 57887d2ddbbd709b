// format = "json"
#include "config/parts.h"
#include "daemon/decoders/json_decoder.h"

namespace edgetide {

FormatPart json_payload() {
  FormatPart part{{.meaning = "", .library = "simdjson"}, &json_format};
  part.learning = {.rank = 3, .names = Learning::Names::json_members};
  return part;
}

}  // namespace edgetide
