// format = "senml"
#include "config/parts.h"
#include "daemon/decoders/senml_decoder.h"

namespace edgetide {

FormatPart senml_payload() {
  return {{.meaning = "`senml` takes SenML packs (RFC 8428), as JSON or CBOR, see below.", .library = "libcbor"},
          &senml_format};
}

}  // namespace edgetide
