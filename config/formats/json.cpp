// format = "json"
#include "config/parts.h"
#include "daemon/decoders/json_decoder.h"

namespace edgetide {

FormatPart json_payload() {
  return {{.meaning = "", .library = "simdjson"}, &json_format};
}

}  // namespace edgetide
