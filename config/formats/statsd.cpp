// format = "statsd"
#include "config/parts.h"
#include "daemon/decoders/statsd_decoder.h"

namespace edgetide {

FormatPart statsd_payload() {
  return {
      {.meaning = "`statsd` takes gauges and timers; counters, sets and steps of gauges are refused (`unsupported`).",
       .library = ""},
      &statsd_format};
}

}  // namespace edgetide
