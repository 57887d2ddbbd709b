// format = "number"
#include "config/parts.h"
#include "daemon/decoders/number_decoder.h"

namespace edgetide {

FormatPart number_payload() {
  return {{.meaning = "`number` is a single number.", .library = ""}, &number_format};
}

}  // namespace edgetide
