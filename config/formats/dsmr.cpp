// format = "dsmr"
#include "config/parts.h"
#include "daemon/decoders/dsmr_decoder.h"

namespace edgetide {

FormatPart dsmr_payload() {
  return {{.meaning = "`dsmr` takes telegrams of the P1 port of electricity meters.", .library = ""}, &dsmr_format};
}

}  // namespace edgetide
