// format = "senml"
#include "config/parts.h"
#include "daemon/decoders/senml_decoder.h"

namespace edgetide {

namespace {

constexpr std::string_view senml_chapter = R"page(
## SenML

`senml` needs no mapping: `{ topic = "senml/#", format = "senml" }`. The device in a name is the sensor, what follows it
the metric. The device is a URN (`urn:dev:TYPE:ID`), otherwise what stands before the last `:` or `/`.

| record | reading |
|---|---|
| `{"n":"urn:dev:ow:10e2073a01080063:voltage","u":"V","v":120.1}` | `urn:dev:ow:10e2073a01080063`, `voltage` 120.1 V |
| `{"bn":"urn:dev:ow:10e2073a01080063","u":"lat","v":60.1}` | `urn:dev:ow:10e2073a01080063`, `lat` 60.1 ° |
| `{"n":"pump/power","u":"W","v":5,"s":3600}` | `pump`, `power` 5 W and `power.sum` 3600 W·s |
| `{"n":"pump/on","vb":true,"t":-5}` | `pump`, `on` 1, 5 s before the arrival |
| `{"n":"pump/mode","vs":"auto"}` | refused: `unsupported`, unless `states` has the word; data (`vd`) always |

Where the topic captures `{device}`, or `sensor` is set, that is the sensor and the metric is the whole name; `metric =
"{metric}"` shortens it to its last part. Templates may use `{name}`, `{device}` and `{metric}` (its parts), and `{bn}`
and `{n}` as the record has them. A bad record costs only itself; a base field of the wrong type, an unknown field that
must be understood (`x_`) and an unknown version refuse the pack.
)page";

}  // namespace

FormatPart senml_payload() {
  FormatPart part{
      {.meaning = "`senml` takes SenML packs (RFC 8428), as JSON or CBOR, see below.", .library = "libcbor"},
      &senml_format};
  part.chapter = senml_chapter;
  part.learning = {.rank = 2, .names_sensor = true};
  return part;
}

}  // namespace edgetide
