#include "config/reference_page.h"

#include "config/key_table.h"
#include "config/key_text.h"
#include "config/parts.h"

namespace edgetide {

namespace {

constexpr const char* reference_head =
    R"(# Configuration reference

Printed from the key table (`key_groups*.cpp`, `sources/`, `windows/`, `sinks/`) and `presets/`; a test keeps both
equal. To print it again: `EDGETIDE_WRITE_REFERENCE=1 ctest -R ReferencePage`.

- **Durations** are strings with a unit (`us`, `ms`, `s`, `m`, `h`, `d`, `w`, `y` of 365 days): `"10s"`, `"1.5h"`. Where
  the type says so, `"none"` switches the rule off.
- **Sizes** are strings with a whole number and a unit: `"64MiB"`, `"10MB"`.
- **Rates** are strings with a number and a unit (`/s`, `/m`, `/h`): `"50/s"`.
- **References** can be part of any string and are resolved after parsing: `${credential:NAME}` (a file in
  `$CREDENTIALS_DIRECTORY`, systemd's `LoadCredential=`), `${credential_path:NAME}` (its path), `${file:/PATH}` (a file
  that others cannot read), `${env:NAME}`, `${env:NAME:-DEFAULT}`. One newline at the end of a file is dropped.
  `$${` stands for `${`.
- Unknown keys, wrong types and undefined names are errors. All errors are reported together.

## Reload

`systemctl reload edgetide`, or SIGHUP, reads the whole configuration again, including included files, sensor tables and
secrets. If it has an error, nothing changes and the log shows where. Otherwise each changed key takes effect as its
*reload* column says:

- **yes**: the new value applies from now on, and nothing else changes.
- **new source**: the source is stopped and started again, and its connections are closed: socket peers must reconnect.
  Connections of other sources stay. (While intake waits for a full disk or outbox, waiting peers of other sources may
  be disconnected too.)
- **new window**: the windows that are open are finished as they began, and the new definition takes those that start
  later (`pipeline/SEMANTICS.md`). A removed window emits its rows as they are.
- **new sink**: the sink is stopped and started again, and keeps the rows in its outbox. A removed sink has 4 seconds to
  deliver them; the remaining rows stay on disk for a sink with the same name.
- **restart**: the key takes effect when the daemon is restarted; the log says so.

Adding or removing a section adds or removes everything that belongs to it. A renamed source, window or sink is a new
one. The content of a file that a key names, such as a certificate, is not compared: a changed file takes effect at the
next connection. While readings wait for the clock to be set, a reload is refused.

## Parts that cannot start

A source whose address is in use or not there yet, whose socket folder is missing or whose certificate file cannot be
read, a sink whose folder or file cannot be written, and `[http]` or `[metrics]` that cannot listen end nothing: the
log, `edgetide status` and `/readyz` say why, the rest runs on, and the part is tried again, after 1 second and up to
30, until it works. That holds for a reload too. A value that is wrong in itself is an error of the configuration:
`edgetide check` and the start end with 78.

`edgetide check` warns if `[http]` or `[metrics]` could not listen: it reads their certificates, and takes their
addresses for a moment unless a gateway with this state directory runs. It also warns of what stands in the way of a
`postgresql` or `sqlite` sink: it connects, and looks at tables, rights and files, without changing anything. With
`--no-environment` it does neither.

A `${credential:NAME}` is read from the file that `LoadCredential=` names in `edgetide.service` and its drop-ins, as
root, and it is an error if they name none. Another user, or a machine without the service, gets a warning, and the sink
that needs it is not tried. A file that `edgetide.toml` includes can be checked alone: names that it does not define are
accepted; `--fragment` says the same of any other file.
)";

constexpr const char* payload_examples = R"page(
## What a payload becomes

Text in a payload is read as a number, as a number with a unit, or as a state. That holds for strings in JSON and line
protocol, for columns of CSV and for the whole payload of `number`.

```toml
topic = "heating/{device}"
format = "json"
states = { heating = 2, idle = 0 }
values = ["mode", "pump", { path = "power", unit = "W" }, { path = "room.t", metric = "room", unit = "°C" }]
```

| value in the payload | reading |
|---|---|
| `"mode":"HEATING"` | `mode` 2 |
| `"mode":"defrost"` | refused: `bad_number` |
| `"pump":true`, `"pump":"off"` | `pump` 1, `pump` 0 |
| `"power":"1.2 kW"` | `power` 1200 |
| `"power":"5 A"` | refused: `bad_unit` |
| `"power":NaN` | refused: `not_finite` |
| `"room":{"t":"70 °F"}` | `room` 21.1 |

A bad value costs only itself. Without `values` every value is read and named by its path; other text, such as a model,
is ignored. A byte order mark, NULs at the ends of a payload or line, and white space are skipped. Bytes in JSON strings
that are not UTF-8 are read as ISO 8859-1.

No two values of a record become one series: `check` refuses `values = ["a.t", "b.t"]` until one has a `metric`,
`r[*].v` gives `r[0].v` and `r[1].v`, and a name that comes twice in a payload is refused (`repeated_name`). With
`metric = "t"` the values `v` and `{ path = "w", metric = "t.v" }` would be one as well. `parallel_arrays` needs what
tells the rows apart, mostly a `time`.

A time without a zone is read in `timezone`. With `Europe/Paris` in 2026:

| local time | arrival | clocks | UTC |
|---|---|---|---|
| 15 July 12:00 | | | 10:00 |
| 29 March 02:30 | | jump from 2:00 to 3:00 | 01:30, by the offset before the jump |
| 25 October 02:30 | 00:31 UTC | are set back from 3:00 to 2:00 | 00:30 |
| 25 October 02:30 | 01:31 UTC | | 01:30, the later one, unless it is more than 5 min ahead of the arrival |

A sensor whose times are off by whole quarter hours, over 20 readings in a row and 5 min at least, is named in the log
and in `edgetide status`. Where they are text without a zone, `timezone` mends it; for numbers and times with a zone it
does nothing: the clock is off. Times that would be right if their numbers were 1000, 1000^2 or 1000^3 times as large,
or a thousandth, are named at once: `format` in `time` says another unit than the sensor sends.

`time = { format = "..." }` may be a pattern of strptime: `%Y` or `%y`, `%m` or `%b` (English), `%d` or `%e`, `%H` or
`%I` with `%p`, `%M`, `%S`, `%f` (a fraction), `%z` (`-0700`, `+02:00`, `Z`), `%Z` (`UTC`, `GMT`), `%s` (seconds since
1970); `%F`, `%T`, `%D` and `%R` stand for several; `%a` is read and ignored; `%%` is a percent sign. Year, month and
day must be in it.
)page";

std::string chapters(const PartList<FormatPart>& formats) {
  std::string text;
  for (const FormatPart& part : formats.built) text += part.chapter;
  return text;
}

// What each sink promises, behind the keys that all of them have.
std::string traits_table(const PartList<SinkPart>& sinks) {
  std::string text =
      "\nWhat a sink does with rows. `table`: a row replaces the one of the same window, series and start. `stream`: "
      "every\nrow of every epoch is written. `at_least_once`: after a failure rows may come again, with the same "
      "revision.\n`max_delivery_rows` and `max_delivery_bytes` bound one delivery; a single epoch that has more goes "
      "whole to an\n`exactly_once` sink.\n\n"
      "| type | rows_go_to | delivery | max_delivery_rows | max_delivery_bytes |\n|---|---|---|---|---|\n";
  for (const SinkPart& sink : sinks.built) {
    text += "| `" + std::string(sink.name) + "` |";
    for (const auto& [name, value] : shown_traits(sink.standard->traits())) text += " " + value + " |";
    text += '\n';
  }
  return text;
}

std::string presets_with_keys(const std::vector<Preset>& presets) {
  std::string text =
      "\n## Presets\n\nMappings for families of devices (`config/presets/`). `format = \"NAME\"` reads the keys of the "
      "preset first; a key that\nthe route has as well goes before that of the preset, as a whole.\n";
  for (const Preset& preset : presets) {
    const std::string keys(preset.text.substr(preset.text.find("format = ")));
    text += "\n`" + std::string(preset.name) + "`: " + meaning_of(preset) + "\n\n```toml\n" + keys + "```\n";
  }
  return text;
}

std::string row(const KeySpec& key) {
  return "| `" + std::string(key.name) + "` | " + type_text(key) + " | " + default_text(key) + " | " +
         bounds_text(key) + " | " + reload_text(key) + " | " + std::string(key.meaning) + " |\n";
}

}  // namespace

std::string reference_page(const Parts& parts) {
  const KeyTable table(parts);
  std::string page = reference_head;
  for (const KeyGroup* group : table.groups()) {
    page += "\n## " + std::string(group->title) + "\n\n";
    if (!group->intro.empty()) page += std::string(group->intro) + "\n\n";
    page += "| key | type | default | bounds | reload | meaning |\n|---|---|---|---|---|---|\n";
    for (const KeySpec& key : group->keys) page += row(key);
    if (group == &table.value_field)
      page += payload_examples + chapters(parts.formats) + presets_with_keys(parts.presets);
    if (group == &table.sink) page += traits_table(parts.sinks);
  }
  return page;
}

}  // namespace edgetide
