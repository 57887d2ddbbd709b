// format = "graphite"
#include "config/parts.h"
#include "daemon/decoders/graphite_decoder.h"

namespace edgetide {

namespace {

void set_seconds(MappingOptions& mapping) {
  mapping.time.format = TimeFormat::unix_s;
}

}  // namespace

FormatPart graphite_payload() {
  FormatPart part{{.meaning = "`graphite` takes Graphite's plaintext protocol: `path value [time]`.", .library = ""},
                  &graphite_format,
                  set_seconds};
  // Words with a number behind them would be Graphite's.
  part.learning = {.rank = 7, .needs_times = true};
  return part;
}

}  // namespace edgetide
