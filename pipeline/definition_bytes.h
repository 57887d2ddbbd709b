// A window definition as bytes: what a snapshot keeps of it, so that windows that are open can be finished as they
// began after the configuration has changed.
//
// Not of it: `inputs` (the readings of a source that is taken no longer do not come), and what only decides when rows
// are emitted is taken as it was.
//
// Thread: pure. Fails: `load` gives nothing for bytes that are no definition, or that name a formula or a time zone
// which cannot be made.
#pragma once

#include <optional>

#include "pipeline/bytes.h"
#include "pipeline/options.h"

namespace edgetide {

void save_definition(ByteWriter& out, const WindowOptions& options);
std::optional<WindowOptions> load_definition(ByteReader& in, const DefinitionMakers& makers);

}  // namespace edgetide
