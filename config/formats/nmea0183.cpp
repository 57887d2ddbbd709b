// format = "nmea0183"
#include "config/parts.h"
#include "daemon/decoders/nmea0183_decoder.h"

namespace edgetide {

namespace {

constexpr std::string_view nmea0183_chapter = R"page(
## Ships: nmea0183

| sentence | readings |
|---|---|
| `XDR` | named by the transducer, in its unit |
| `MTW` | `water_temperature` |
| `MWV` | `apparent_wind_angle` and `apparent_wind_speed`, or `true_wind_angle` and `true_wind_speed` |
| `DBT`, `DPT` | `depth`; DPT also `depth_offset` |
| `RMC` | `latitude`, `longitude`, `speed`, `course` |
| `GGA` | `latitude`, `longitude`, `altitude`, `satellites`, `hdop` |

Speeds are in m/s, depths in m, angles and positions in degrees. The sensor is talker and sentence, such as `GPRMC`,
unless the topic or `sensor` names it; templates may use `{talker}` and `{sentence}`, that of the metric `{metric}` too.
A checksum that is there must be right (`bad_checksum`). The time is that of the last RMC, ZDA or GGA of the same peer
or topic, for at most 64 sentences; before the first date it is the arrival time.
)page";

}  // namespace

FormatPart nmea0183_payload() {
  FormatPart part{
      {.meaning = "`nmea0183` takes sentences of NMEA 0183: XDR, MTW, MWV, DBT, DPT, RMC, GGA, ZDA; others are refused "
                  "(`unsupported`).",
       .library = ""},
      &nmea0183_format};
  part.chapter = nmea0183_chapter;
  part.learning = {.rank = 5};
  return part;
}

}  // namespace edgetide
