// format = "cbor"
#include "config/parts.h"
#include "daemon/decoders/cbor_decoder.h"

namespace edgetide {

FormatPart cbor_payload() {
  return {{.meaning = "`cbor` is mapped as `json`, see below.", .library = "libcbor"}, &cbor_format};
}

}  // namespace edgetide
