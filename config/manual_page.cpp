#include "config/manual_page.h"

#include "config/key_table.h"
#include "config/key_text.h"
#include "config/parts.h"
#include "config/roff.h"

namespace edgetide {

namespace {

constexpr const char* manual_head = R"(.SH NAME
edgetide.toml \- configuration of the Edgetide sensor gateway
.SH SYNOPSIS
/etc/edgetide/edgetide.toml
.br
/etc/edgetide/conf.d/*.toml
.SH DESCRIPTION
A TOML file with the \fBsources\fR of readings, the \fBwindows\fR to compute and the \fBsinks\fR for rows.
\fBedgetide check\fR prints all errors, each with file, line and column.
.PP
Unknown keys, wrong types and undefined names are errors.
.SS Values
.TP
.B Durations
are strings with a unit (us, ms, s, m, h, d, w, y): "10s", "1.5h". Where the type says so, "none" switches the rule off.
.TP
.B Sizes
are strings with a whole number and a unit: "64MiB", "10MB".
.TP
.B Rates
are strings with a number and a unit (/s, /m, /h): "50/s".
.TP
.B References
can be part of any string and are resolved after parsing:
\fB${credential:NAME}\fR, a file in $CREDENTIALS_DIRECTORY (LoadCredential= of systemd);
\fB${credential_path:NAME}\fR, its path;
\fB${file:/PATH}\fR, a file that others cannot read;
\fB${env:NAME}\fR and \fB${env:NAME:\-DEFAULT}\fR.
One newline at the end of a file is dropped. $${ stands for ${.
.SS Reload
\fBsystemctl reload edgetide\fR, or SIGHUP, reads the whole configuration again. If it has an error, nothing changes.
Otherwise unchanged sources, windows and sinks continue; open windows of a definition that changed are finished
as they began, and the new definition takes those that start later.
.SH EXAMPLE
.nf
[sources.home]
type = "mqtt"
servers = ["mqtt://localhost:1883"]
routes = [ { topic = "sensors/{device}", format = "json", time = "ts" } ]

[windows.minute]
size = "1m"
aggregates = ["count", "min", "max", "avg"]
allowed_lateness = "10m"

[sinks.local]
type = "sqlite"
.fi
.SH KEYS
)";

constexpr const char* foot = R"(.SH SEE ALSO
.BR edgetide (1),
.BR systemd.exec (5)
)";

std::string traits_list(const PartList<SinkPart>& sinks) {
  std::string text = ".PP\nWhat each sink does with rows:\n";
  for (const SinkPart& sink : sinks.built) {
    text += ".TP\n" + roff_bold(sink.name) + '\n';
    std::string line;
    for (const auto& [name, value] : shown_traits(sink.standard->traits())) {
      line += (line.empty() ? "" : ", ") + std::string(name) + ' ' + value;
    }
    text += roff(line) + '\n';
  }
  return text;
}

std::string preset_list(const std::vector<Preset>& presets) {
  std::string text = ".SS Presets\n\\fBformat\\fR = \"NAME\" reads the keys of a preset first.\n";
  for (const Preset& preset : presets) {
    text += ".TP\n" + roff_bold(preset.name) + '\n' + roff(meaning_of(preset)) + '\n';
  }
  return text;
}

std::string entry(const KeySpec& key) {
  std::string text = ".TP\n" + roff_bold(key.name) + " \\(em " + roff(type_text(key));
  const std::string bounds = bounds_text(key);
  if (!bounds.empty()) text += ", " + roff(bounds);
  if (key.required) {
    text += "; required";
  } else if (!key.standard.empty()) {
    text += "; default " + roff(default_text(key));
  }
  const bool restart = key.on_reload == OnReload::restart;
  return text + '\n' + roff(key.meaning) + (restart ? " Needs a restart.\n" : "\n");
}

}  // namespace

std::string configuration_manual(const Parts& parts) {
  const KeyTable table(parts);
  std::string page = roff_title("edgetide.toml", "5", "Configuration") + manual_head;
  for (const KeyGroup* group : table.groups()) {
    page += ".SS " + roff(group->title) + '\n';
    if (!group->intro.empty()) page += roff(group->intro) + '\n';
    for (const KeySpec& key : group->keys) page += entry(key);
    if (group == &table.value_field) page += preset_list(parts.presets);
    if (group == &table.sink) page += traits_list(parts.sinks);
  }
  return page + foot;
}

}  // namespace edgetide
