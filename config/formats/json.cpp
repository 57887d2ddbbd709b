// format = "json"
#include "config/parts.h"
#include "daemon/decoders/json_decoder.h"

namespace edgetide {

FormatPart json_payload() {
  return {{.name = "json", .meaning = "", .library = "simdjson"}, &json_format};
}

}  // namespace edgetide
