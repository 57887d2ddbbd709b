// format = "sparkplug"
#include "config/parts.h"
#include "daemon/decoders/sparkplug_decoder.h"

namespace edgetide {

namespace {

void set_milliseconds(MappingOptions& mapping) {
  mapping.time.format = TimeFormat::unix_ms;
}

constexpr std::string_view sparkplug_chapter = R"page(
## Sparkplug B

`{ topic = "spBv1.0/#", format = "sparkplug" }` reads births and data of edge nodes and their devices. The sensor is
`group/node/device`, or `group/node` for metrics of the node itself; templates may use `{group}`, `{node}`, `{device}`
and `{metric}`. One route has to take all messages of a node, or some of them seem to be missing.

| in the payload | reading |
|---|---|
| integers, `Float`, `Double` | the value by its data type, which the birth says |
| `Boolean`, `String`, `Text` | the words of `states`, numbers with units; other text is refused: `unsupported` |
| null; `bdSeq`, `Node Control/...`, `Device Control/...` | none |
| `DateTime`, `UUID`, data sets, templates, arrays, bytes; a compressed payload | refused: `unsupported` |
| an alias whose birth was not seen | refused: `unknown_alias` |
| commands (`NCMD`, `DCMD`), also our own requests, and the `STATE` of a host | passed over: `ignored_topic` |

The time is that of the metric, also of historical ones, else that of the payload. A node is asked for its births (`Node
Control/Rebirth`) when one was not seen, when its `seq` shows that messages are missing, and once after a restart: at
most once in 100 of its messages or a minute of its clock. Births are kept across restarts: up to 4,000 nodes and
devices, 10,000 metrics and 64 KiB for each route. A birth sends all values again: `deduplicate = "event_time"` of a
window drops those whose time is unchanged, `repeats = "skip_unchanged"` of the route those whose value is.
)page";

}  // namespace

FormatPart sparkplug_format_part() {
  FormatPart part{
      {.meaning = "`sparkplug` takes Sparkplug B from MQTT: topic `spBv1.0/#`, sensor `group/node/device`; templates "
                  "may use `{group}`, `{node}`, `{device}` and `{metric}`.",
       .library = ""},
      &sparkplug_format,
      set_milliseconds};
  part.chapter = sparkplug_chapter;
  // Its data cannot be read without the births before them: the topics say enough.
  part.learning = {.topics = "spBv1.0/#"};
  return part;
}

}  // namespace edgetide
