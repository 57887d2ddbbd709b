#include "sinks/row_encoder.h"

#include <algorithm>
#include <array>

#include "sinks/csv_encoder.h"
#include "sinks/json_lines_encoder.h"
#include "sinks/line_protocol_encoder.h"

namespace edgetide {

namespace {

constexpr std::array<RowEncoding, 3> encodings = {{
    {"json", ".jsonl", &make_json_lines_encoder},
    {"csv", ".csv", &make_csv_encoder},
    {"influx", ".lp", &make_line_protocol_encoder},
}};

}  // namespace

void RowEncoder::append(std::string& out, const RowBatch& batch, std::vector<std::size_t>* ends) const {
  for (const WindowRows& window : batch.windows) {
    const WindowSchema& schema = inputs_[window.input];
    for (std::size_t i = 0; i < window.rows.size(); ++i) {
      append_row(out, schema, window.rows[i], window.values_of(i, schema.columns.size()), batch.id);
      if (ends != nullptr) ends->push_back(out.size());
    }
  }
}

std::span<const RowEncoding> row_encodings() noexcept {
  return encodings;
}

const RowEncoding* find_row_encoding(std::string_view name) noexcept {
  const auto* const found =
      std::find_if(encodings.begin(), encodings.end(), [&](const RowEncoding& each) { return each.name == name; });
  return found == encodings.end() ? nullptr : found;
}

}  // namespace edgetide
