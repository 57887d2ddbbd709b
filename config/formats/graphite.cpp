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
  return {{.meaning = "`graphite` takes Graphite's plaintext protocol: `path value [time]`.", .library = ""},
          &graphite_format,
          set_seconds};
}

}  // namespace edgetide
