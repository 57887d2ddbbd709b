// The rows of a batch as bodies of HTTP requests: any of them, in their order.
//
// Owns:   the text of the batch. Thread: one at a time. Fails: never.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "sinks/http_options.h"
#include "sinks/row_batch.h"
#include "sinks/row_encoder.h"

namespace edgetide {

// Rows of a batch, counted over all its windows.
struct RowRange {
  std::size_t first = 0;
  std::size_t rows = 0;
  std::size_t end() const noexcept { return first + rows; }
  bool operator==(const RowRange&) const = default;
};

class HttpBody {
 public:
  HttpBody(HttpEncoding encoding, std::vector<WindowSchema> inputs);

  void begin(const RowBatch& batch);
  // Requires: rows of the batch that was begun, at least one.
  std::string of(RowRange range) const;

 private:
  const HttpEncoding encoding_;
  const std::unique_ptr<RowEncoder> encoder_;
  const std::string header_;
  std::string text_;
  std::vector<std::size_t> ends_;  // of the rows in `text_`
};

}  // namespace edgetide
