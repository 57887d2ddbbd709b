// Rows to standard output, as JSON Lines in the form of `edgetide replay` (sinks/row_json.h), CSV or line protocol. For
// trying things out and for pipes. A pipe remembers no epoch: what was not noted as delivered comes again after a
// restart.
//
// Contract, thread: sinks/sink.h. Fails: a reader that went away is `Stopped`; one that does not read is `RetryAfter`,
// with the rows whose lines are written, and the next `deliver` goes on at the byte where the last one stood.
// Requires: SIGPIPE is ignored by the process.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "sinks/sink.h"

namespace edgetide {

struct StdoutOptions {
  std::string encoding = "json";  // row_encoder.h; what it has of a header is written once
  bool operator==(const StdoutOptions&) const = default;
};

// A pipe has no row that a newer one replaces.
constexpr SinkTraits stdout_traits() {
  return {.kind = SinkKind::stream, .delivery = DeliveryGuarantee::at_least_once};
}

// Writes to `descriptor`, which stays the caller's.
std::unique_ptr<Sink> make_stdout_sink(const StdoutOptions& options, std::vector<WindowSchema> inputs,
                                       int descriptor = 1);

}  // namespace edgetide
