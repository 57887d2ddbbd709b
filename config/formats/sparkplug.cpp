// format = "sparkplug"
#include "config/parts.h"
#include "daemon/decoders/sparkplug_decoder.h"

namespace edgetide {

namespace {

void set_milliseconds(MappingOptions& mapping) {
  mapping.time.format = TimeFormat::unix_ms;
}

}  // namespace

FormatPart sparkplug_format_part() {
  return {
      {.meaning = "`sparkplug` takes Sparkplug B from MQTT: topic `spBv1.0/#`, sensor `group/node/device`; templates "
                  "may use `{group}`, `{node}`, `{device}` and `{metric}`.",
       .library = ""},
      &sparkplug_format,
      set_milliseconds};
}

}  // namespace edgetide
