// format = "dsmr"
#include "config/parts.h"
#include "daemon/decoders/dsmr_decoder.h"

namespace edgetide {

namespace {

constexpr std::string_view dsmr_chapter = R"page(
## Electricity meters: dsmr

Telegrams of the P1 port (DSMR 2.2 to 5.0, ESMR, and those of Belgium, Luxembourg and Sweden), whole in a message of
MQTT, or as they come on a socket.

| object | metric |
|---|---|
| `1-0:1.8.0`, `1-0:1.8.1`, `1-0:1.8.2` | `energy_import`, `energy_import_t1`, `energy_import_t2` (tariffs) |
| `1-0:2.8.0` to `2.8.2` | `energy_export`, likewise |
| `1-0:3.8.0` to `3.8.2`, `1-0:4.8.0` to `4.8.2` | `reactive_energy_import`, `reactive_energy_export`, likewise |
| `1-0:1.7.0`, `1-0:2.7.0` | `power_import`, `power_export` |
| `1-0:3.7.0`, `1-0:4.7.0` | `reactive_power_import`, `reactive_power_export` |
| `1-0:21.7.0` to `24.7.0`, `41` to `44`, `61` to `64` | the same of a phase, `power_import_l1` |
| `1-0:32.7.0`, `1-0:31.7.0`, and `52`, `51`, `72`, `71` | `voltage_l1`, `current_l1` |
| `1-0:32.32.0`, `1-0:32.36.0`, and `52`, `72` | `voltage_sags_l1`, `voltage_swells_l1` |
| `1-0:1.4.0`, `1-0:2.4.0`, `1-0:1.6.0` | `demand_import`, `demand_export`, `peak_demand_import` |
| `0-0:96.14.0`, `0-0:96.3.10`, `0-0:17.0.0`, `1-0:31.4.0` | `tariff`, `breaker`, `power_limit`, `current_limit` |
| `0-0:96.7.21`, `0-0:96.7.9` | `power_failures`, `long_power_failures` |
| `0-n:24.2.1`, `24.2.3`, `24.3.0` | its medium: `gas`, `water`, `hot_water`, `heat`, `cooling`, `electricity`, `mbus` |
| others, if they have a number | the code |

The reading of a gas, water or heat meter has its own time and the label `channel`, n; of several of one kind the
metric names it too (`water_2`). The sensor is the identity of the
meter, unless the topic or `sensor` names it; templates may use `{id}` and `{header}`, that of the metric `{metric}` and
`{code}`. A telegram with a wrong checksum is refused (`bad_checksum`). Meters of DSMR 2 and 3 send no time; that of
their gas reading is local, so give `timezone = "Europe/Amsterdam"`.
)page";

}  // namespace

FormatPart dsmr_payload() {
  FormatPart part{{.meaning = "`dsmr` takes telegrams of the P1 port of electricity meters.", .library = ""},
                  &dsmr_format};
  part.chapter = dsmr_chapter;
  part.learning = {.rank = 4};
  return part;
}

}  // namespace edgetide
