// format = "csv"
#include "config/parts.h"
#include "daemon/decoders/csv_decoder.h"

namespace edgetide {

FormatPart csv_payload() {
  return {{.meaning = "", .library = ""}, &csv_format};
}

}  // namespace edgetide
