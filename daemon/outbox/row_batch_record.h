// Rows that wait for a sink, as the payload of a record of its spill log. storage/FORMAT.md has the bytes.
//
// Windows and columns are written by name, so that rows find their place again after the configuration has changed: a
// column that was removed is left out, a new one is null, and rows of a window that the sink takes no longer are
// counted.
//
// Thread: pure. Fails: `decode` gives nothing for an invalid payload.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sinks/row_batch.h"

namespace edgetide {

// Types of records: without and with the sketches of rows. Where there is none, it is the first.
inline constexpr std::uint8_t row_batch_type = 1, sketched_batch_type = 2;
constexpr bool is_row_batch(std::uint8_t type) noexcept {
  return type == row_batch_type || type == sketched_batch_type;
}
std::uint8_t type_of(const RowBatch& batch) noexcept;

// The epochs whose rows a batch holds, merged if they are several. `last` is the batch's id.
struct EpochRange {
  EpochId first;
  EpochId last;
  bool operator==(const EpochRange&) const = default;
};

// What is known without reading the rows.
struct RowBatchHead {
  EpochRange epochs;
  std::size_t rows = 0;
};

struct DecodedRowBatch {
  EpochRange epochs;
  RowBatch batch;
  std::size_t rows_without_window = 0;
};

// Appends the payload, by the type of the batch. `inputs` are the sink's.
void encode(EpochId first, const RowBatch& batch, const std::vector<WindowSchema>& inputs, std::string& out);

std::optional<RowBatchHead> decode_row_batch_head(std::string_view payload);
std::optional<DecodedRowBatch> decode_row_batch(std::string_view payload, const std::vector<WindowSchema>& inputs,
                                                std::uint8_t type = row_batch_type);

}  // namespace edgetide
