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

- **Durations** are strings with a unit (`us`, `ms`, `s`, `m`, `h`, `d`, `w`): `"10s"`, `"1.5h"`. Where the type says
  so, `"none"` switches the rule off.
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
read, a sink whose folder or file cannot be written, and `http.listen` in use end nothing: the log, `edgetide status`
and `/readyz` say why, the rest runs on, and the part is tried again, after 1 second and up to 30, until it works. That
holds for a reload too. A value that is wrong in itself is an error of the configuration: `edgetide check` and the start
end with 78.
)";

// What each sink promises, behind the keys that all of them have.
std::string traits_table(const PartList<SinkPart>& sinks) {
  std::string text =
      "\nWhat a sink does with rows. `table`: a row replaces the one of the same window, series and start. `stream`: "
      "every\nrow of every epoch is written. `at_least_once`: after a failure rows may come again, with the same "
      "revision. `rows_max`\nand `bytes_max` bound one delivery; a single epoch that has more goes whole to an "
      "`exactly_once` sink.\n\n"
      "| type | rows_go_to | delivery | rows_max | bytes_max |\n|---|---|---|---|---|\n";
  for (const SinkPart& sink : sinks.built) {
    text += "| `" + std::string(sink.name) + "` |";
    for (const auto& [name, value] : shown_traits(sink.traits)) text += " " + value + " |";
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
    if (group == &table.value_field) page += presets_with_keys(parts.presets);
    if (group == &table.sink) page += traits_table(parts.sinks);
  }
  return page;
}

}  // namespace edgetide
