// format = "influx"
#include "config/parts.h"
#include "daemon/decoders/influx_decoder.h"

namespace edgetide {

namespace {

// The time of line protocol is in nanoseconds.
void set_influx_defaults(MappingOptions& mapping) {
  mapping.time.format = TimeFormat::unix_ns;
}

}  // namespace

FormatPart influx_payload() {
  FormatPart part{{.meaning = "", .library = ""}, &influx_format, set_influx_defaults};
  part.learning = {.rank = 6};
  return part;
}

}  // namespace edgetide
