// format = "csv"
#include "config/parts.h"
#include "daemon/decoders/csv_decoder.h"

namespace edgetide {

FormatPart csv_payload() {
  FormatPart part{{.meaning = "", .library = ""}, &csv_format};
  part.learning = {
      .rank = 9, .variants = {"", "delimiter = \";\"", "delimiter = \"\\t\""}, .names = Learning::Names::tried};
  return part;
}

}  // namespace edgetide
