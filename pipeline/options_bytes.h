// The options of a pipeline as bytes: what a checkpoint and a journal keep of them, so that readings are computed again
// as they were the first time, whatever the configuration has become since.
//
// Not of them: the makers and the hash seed, which change no result.
//
// Thread: pure. Fails: `load` gives nothing for bytes that are no options, or that name a time zone or a formula which
// cannot be made.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "pipeline/options.h"

namespace edgetide {

std::string options_bytes(const PipelineOptions& options);
// `present`: has the makers and the hash seed.
std::optional<PipelineOptions> load_options(std::string_view bytes, const PipelineOptions& present);

}  // namespace edgetide
