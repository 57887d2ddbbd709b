// ${credential:NAME}, ${credential_path:NAME}, ${file:/PATH}, ${env:NAME} and ${env:NAME:-DEFAULT} inside strings,
// resolved after parsing, so that no content can change the structure. "$${" stands for "${".
//
// Thread: main. Blocks: reads files.
// Fails:  into the report, at the text's location; content never appears in a message.
// Limit:  64 KiB per file.
#pragma once

#include "config/node.h"
#include "config/report.h"
#include "config/unit_credentials.h"

namespace edgetide {

struct Secrets {
  bool resolve = true;  // false: files are not read and an unset variable is allowed
  // Where there is no $CREDENTIALS_DIRECTORY: what the service would get; null: credentials are errors there.
  const UnitCredentials* unit = nullptr;
};

// Every string below `root`. Those whose secrets are not read become empty and unknown.
void resolve_references(Node& root, const Secrets& secrets, Report& report);

}  // namespace edgetide
