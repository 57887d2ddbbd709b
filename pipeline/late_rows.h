// Readings that came too late for every window, and are given to the pipeline again: what they alone make of their
// windows, as rows that a store adds to those it has. The windows are final and forgotten here, so nothing changes.
//
// That is exact where the aggregates of a row and of further readings give the aggregates of all of them.
//
// Thread: pure. Fails: never; a window that cannot add them says why.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "pipeline/options.h"

namespace edgetide {

// Of one reading in one window definition.
enum class LateOutcome : std::uint8_t {
  adds,
  unmatched,  // the definition does not take it
  not_final,  // some window that would have it is not final
  row_waits,  // or has a final row that was not emitted yet
  changed,    // or was that of a former definition
};

// Why rows of this definition cannot take in late readings; nothing: they can.
std::optional<std::string> late_refusal(const WindowOptions& window);

// What decides which rows a reading belongs to, as bytes: readings that came for one shape are not added to rows of
// another.
std::string late_shape(const WindowOptions& window);

// Rows that one reading makes, at most.
std::size_t late_rows_of_reading(const WindowOptions& window);

}  // namespace edgetide
