// format = "number"
#include "config/parts.h"
#include "daemon/decoders/number_decoder.h"

namespace edgetide {

FormatPart number_payload() {
  FormatPart part{{.meaning = "`number` is a single number.", .library = ""}, &number_format};
  part.learning = {.rank = 1, .is_value = true};
  return part;
}

}  // namespace edgetide
