// Rows to a server that speaks HTTP: InfluxDB and what takes its line protocol, webhooks, another Edgetide. A batch is
// a request; more than `max_bytes` becomes several.
//
// At least once: a request counts when its whole answer is 2xx. One without an answer is sent again, with the same rows
//   and the same `Idempotency-Key`, also after a crash of ours. A receiver that honours the key (as the source `http`
//   does) or replaces points of the same series and time (as InfluxDB does) then has each row once; any other may have
//   some twice, with the same window, series, start and revision. After the receiver's crash it has what it answered
//   2xx to, if its own promise is that.
//   With `max_rate`, or where rows were refused while we crashed, the rows may be cut into other requests, with other
//   keys.
// Key:    GATEWAY-SINK-STATE-RUN-EPOCH-FIRST-ROWS-HASH: the state directory, the epoch, which of its rows, and the hash
//         of the body.
// Contract, thread: sinks/sink.h.
// Fails:  by the status. 408, 409, 421, 425, 429, 5xx, no answer: RetryAfter, as long as `Retry-After` asks for and at
//         most 5 min. 400, 413, 422: the rows are halved until a single one is refused, which is set aside with the
//         server's words; but where a window has rows of several series and all are refused, they wait. What else is
//         not 2xx (a redirect too) or a certificate that does not fit: RetryAfter that needs a person.
// Blocks: `deliver`, for each request as long as the options' timeout. `interrupt` ends it.
// Limit:  HttpSinkOptions, http_client.h.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "sinks/http_options.h"
#include "sinks/sink.h"

namespace edgetide {

inline SinkTraits http_traits(const HttpSinkOptions& options) {
  return {.kind = SinkKind::stream,
          .delivery = DeliveryGuarantee::at_least_once,
          .max_rows = options.max_rows,
          .max_bytes = options.max_bytes};
}

// Why the server, or the proxy, cannot be reached now, or its certificate does not fit; empty: nothing is wrong.
// Blocks: as a request. What a request would be answered is not known.
std::string http_fault(const HttpSinkOptions& options);

std::unique_ptr<Sink> make_http_sink(HttpSinkOptions options, SinkIdentity identity, std::vector<WindowSchema> inputs);

}  // namespace edgetide
