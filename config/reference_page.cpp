#include "config/reference_page.h"

#include "config/key_table.h"
#include "config/key_text.h"

namespace edgetide {

namespace {

constexpr const char* reference_head =
    R"(# Configuration reference

Printed from the key table (`key_groups*.cpp`, `sources/`, `windows/`, `sinks/`); a test keeps both equal. To print it
again: `EDGETIDE_WRITE_REFERENCE=1 ctest -R ReferencePage`.

- **Durations** are texts with a unit (`us`, `ms`, `s`, `m`, `h`, `d`, `w`): `"10s"`, `"1.5h"`. Where it says so,
  `"none"` switches the rule off.
- **Sizes** are texts with a whole number and a unit: `"64MiB"`, `"10MB"`.
- **References** stand in any text and are resolved after parsing: `${credential:NAME}` (a file in
  `$CREDENTIALS_DIRECTORY`, systemd's `LoadCredential=`), `${credential_path:NAME}` (its path), `${file:/PATH}` (must
  not be accessible to others), `${env:NAME}`, `${env:NAME:-DEFAULT}`. One newline at the end of a file is dropped.
  `$${` is `${`.
- Unknown keys, wrong types and names that lead nowhere are errors; all are shown at once.

## Reload

`systemctl reload edgetide`, or SIGHUP, reads all of it again: included files, sensor tables, secrets. If anything is
wrong nothing changes, and the log says where. Else what the tables below say under *reload* becomes of a changed key:

- **yes**: it holds from then on, and nothing else changes.
- **new source**: that source is stopped and made anew, its connections with it. A socket's peer must connect again.
  Those of other sources stay. (While intake is held back by a full disk or outbox, a peer that waits may be sent away
  too.)
- **new window**: the rows of that window leave as they are, and it begins empty; also when it goes.
- **new sink**: that sink is made anew and gets the rows that wait. One that goes has 4 seconds for them; what is left
  stays on disk for a sink of its name.
- **restart**: it stays as it is until the daemon is restarted; the log says so.

What belongs to a name that comes or goes, comes and goes. Names tie things together: a source, window or sink with
another name is another one. A file that a key names, such as a certificate, is not looked into: it counts from the next
connection on. While readings wait for the clock to be set, a reload is refused.
)";

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
  }
  return page;
}

}  // namespace edgetide
