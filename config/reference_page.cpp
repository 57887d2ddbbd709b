#include "config/reference_page.h"

#include "config/key_table.h"
#include "config/key_text.h"

namespace edgetide {

namespace {

constexpr const char* head =
    R"(# Configuration reference

Printed from the key table in `key_groups*.cpp`; a test keeps both equal. To print it again:
`EDGETIDE_WRITE_REFERENCE=1 ctest -R ReferencePage`.

- **Durations** are texts with a unit (`us`, `ms`, `s`, `m`, `h`, `d`, `w`): `"10s"`, `"1.5h"`. Where it says so,
  `"none"` switches the rule off.
- **Sizes** are texts with a whole number and a unit: `"64MiB"`, `"10MB"`.
- **References** stand in any text and are resolved after parsing: `${credential:NAME}` (a file in
  `$CREDENTIALS_DIRECTORY`, systemd's `LoadCredential=`), `${credential_path:NAME}` (its path), `${file:/PATH}` (must
  not be accessible to others), `${env:NAME}`, `${env:NAME:-DEFAULT}`. One newline at the end of a file is dropped.
  `$${` is `${`.
- Unknown keys, wrong types and names that lead nowhere are errors; all are shown at once.
)";

std::string row(const KeySpec& key) {
  return "| `" + std::string(key.name) + "` | " + type_text(key) + " | " + default_text(key) + " | " +
         bounds_text(key) + " | " + std::string(key.meaning) + " |\n";
}

}  // namespace

std::string reference_page() {
  std::string page = head;
  for (const KeyGroup* group : key_table().groups()) {
    page += "\n## " + std::string(group->title) + "\n\n";
    if (!group->intro.empty()) page += std::string(group->intro) + "\n\n";
    page += "| key | type | default | bounds | meaning |\n|---|---|---|---|---|\n";
    for (const KeySpec& key : group->keys) page += row(key);
  }
  return page;
}

}  // namespace edgetide
