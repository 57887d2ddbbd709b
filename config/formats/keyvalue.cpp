// format = "keyvalue"
#include "config/parts.h"
#include "daemon/decoders/keyvalue_decoder.h"

namespace edgetide {

FormatPart keyvalue_payload() {
  FormatPart part{{.meaning = "`keyvalue` takes lines of `name=value`, mapped as objects of JSON.", .library = ""},
                  &keyvalue_format};
  part.learning = {.rank = 8};
  return part;
}

}  // namespace edgetide
