// format = "nmea0183"
#include "config/parts.h"
#include "daemon/decoders/nmea0183_decoder.h"

namespace edgetide {

FormatPart nmea0183_payload() {
  return {
      {.meaning = "`nmea0183` takes sentences of NMEA 0183: XDR, MTW, MWV, DBT, DPT, RMC, GGA, ZDA; others are refused "
                  "(`unsupported`).",
       .library = ""},
      &nmea0183_format};
}

}  // namespace edgetide
