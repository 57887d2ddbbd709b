// ${credential:NAME}, ${credential_path:NAME}, ${file:/PATH}, ${env:NAME} and ${env:NAME:-DEFAULT} inside strings,
// resolved after parsing, so that no content can change the structure. "$${" stands for "${".
//
// Thread: main. Blocks: reads files.
// Fails:  into the report, at the text's location; content never appears in a message.
// Limit:  64 KiB per file.
#pragma once

#include "config/node.h"
#include "config/report.h"

namespace edgetide {

// Every string below `root`. With `secrets` false files are not read and an unset variable is allowed; the strings that
// need them become empty and unknown.
void resolve_references(Node& root, bool secrets, Report& report);

}  // namespace edgetide
