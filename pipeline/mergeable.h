// What the rows of a window have so that rows of several gateways or windows can be merged exactly, for sinks with
// `mergeable`: count, sum, m2 (the sum of the squared distances from the average), and where there are percentiles, the
// sketch that they come from (dd_sketch.h).
//
// Thread: pure. Fails: never.
#pragma once

#include <span>

#include "pipeline/options.h"

namespace edgetide {

// Adds to the aggregates what they lack of these. A second call changes nothing.
// Requires: no `top`: the rows that it leaves out would be missing in what is merged.
void add_merge_aggregates(WindowOptions& window);

// Those that the configuration names.
inline std::span<const Aggregate> named_aggregates(const WindowOptions& window) noexcept {
  return std::span(window.aggregates).first(window.aggregates.size() - window.merge_only);
}

}  // namespace edgetide
