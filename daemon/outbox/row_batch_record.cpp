#include "daemon/outbox/row_batch_record.h"

#include <bit>
#include <unordered_map>
#include <utility>

#include "daemon/outbox/row_translation.h"
#include "pipeline/bytes.h"
#include "pipeline/series_bytes.h"

namespace edgetide {

namespace {

constexpr std::size_t row_bytes = 25;         // without its values
constexpr std::size_t series_bytes_min = 17;  // one with empty names and without labels
constexpr std::size_t text_bytes_min = 4;

using SeriesList = std::vector<std::shared_ptr<const Series>>;

void write(ByteWriter& out, EpochId id) {
  out.u64(id.run);
  out.u64(id.epoch);
}

EpochId read_id(ByteReader& in) noexcept {
  const std::uint64_t run = in.u64();
  return {run, in.u64()};
}

void write(ByteWriter& out, const Series& series) {
  out.u8(series.grouped);
  save_names(out, series);
}

std::shared_ptr<const Series> read_series(ByteReader& in) {
  const bool grouped = in.u8() != 0;
  auto series = std::make_shared<Series>(load_names(in));
  series->grouped = grouped;
  return series;
}

// The series of a batch, each once, in the order of its rows.
class SeriesNumbers {
 public:
  explicit SeriesNumbers(const RowBatch& batch) {
    for (const WindowRows& window : batch.windows) {
      for (const SinkRow& row : window.rows) {
        const auto next = static_cast<std::uint32_t>(numbers_.size());
        if (numbers_.try_emplace(row.series.get(), next).second) series_.push_back(row.series.get());
      }
    }
  }
  std::uint32_t of(const SinkRow& row) const { return numbers_.at(row.series.get()); }
  void write_to(ByteWriter& out) const {
    out.u32(static_cast<std::uint32_t>(series_.size()));
    for (const Series* series : series_) write(out, *series);
  }

 private:
  std::unordered_map<const Series*, std::uint32_t> numbers_;
  std::vector<const Series*> series_;
};

void write(ByteWriter& out, const WindowRows& window, const WindowSchema& schema, const SeriesNumbers& series,
           bool has_sketches) {
  out.text(schema.name);
  out.u32(static_cast<std::uint32_t>(schema.columns.size()));
  for (const Column& column : schema.columns) out.text(column.name);
  out.u32(static_cast<std::uint32_t>(window.rows.size()));
  for (std::size_t i = 0; i < window.rows.size(); ++i) {
    const SinkRow& row = window.rows[i];
    out.u32(series.of(row));
    out.time(row.start);
    out.time(row.end);
    out.u8(static_cast<std::uint8_t>(row.state));
    out.u32(row.revision);
    for (const double value : window.values_of(i, schema.columns.size())) out.u64(std::bit_cast<std::uint64_t>(value));
    if (has_sketches) out.text(row.sketch ? std::string_view(*row.sketch) : std::string_view());
  }
}

SinkRow read_row(ByteReader& in, const SeriesList& series) {
  SinkRow row;
  const std::uint32_t number = in.u32();
  in.require(number < series.size());
  if (in.ok()) row.series = series[number];
  row.start = in.time();
  row.end = in.time();
  const std::uint8_t state = in.u8();
  in.require(state <= static_cast<std::uint8_t>(RowState::added));
  row.state = static_cast<RowState>(state);
  row.revision = in.u32();
  return row;
}

WindowSchema read_schema(ByteReader& in) {
  WindowSchema schema{std::string(in.text()), {}};
  const std::uint32_t columns = in.u32();
  for (std::uint32_t i = 0; i < columns && in.has(1, text_bytes_min); ++i)
    schema.columns.push_back({std::string(in.text())});
  return schema;
}

WindowRows read_window(ByteReader& in, const SeriesList& series, std::size_t input, std::size_t columns,
                       bool has_sketches) {
  WindowRows window{input, {}, {}};
  const std::uint32_t rows = in.u32();
  if (!in.has(rows, row_bytes + columns * sizeof(double) + (has_sketches ? text_bytes_min : 0))) return window;
  for (std::uint32_t i = 0; i < rows && in.ok(); ++i) {
    window.rows.push_back(read_row(in, series));
    for (std::size_t column = 0; column < columns; ++column) {
      window.values.push_back(std::bit_cast<double>(in.u64()));
    }
    const std::string_view sketch = has_sketches ? in.text() : std::string_view();
    if (!sketch.empty()) window.rows.back().sketch = std::make_shared<const std::string>(sketch);
  }
  return window;
}

RowBatchHead read_head(ByteReader& in) {
  RowBatchHead head;
  head.epochs.first = read_id(in);
  head.epochs.last = read_id(in);
  in.require(head.epochs.first <= head.epochs.last);
  head.rows = in.u32();
  return head;
}

}  // namespace

std::uint8_t type_of(const RowBatch& batch) noexcept {
  for (const WindowRows& window : batch.windows) {
    for (const SinkRow& row : window.rows) {
      if (row.sketch) return sketched_batch_type;
    }
  }
  return row_batch_type;
}

void encode(EpochId first, const RowBatch& batch, const std::vector<WindowSchema>& inputs, std::string& out) {
  ByteWriter bytes(out);
  write(bytes, first);
  write(bytes, batch.id);
  bytes.u32(static_cast<std::uint32_t>(batch.row_count()));
  const SeriesNumbers series(batch);
  series.write_to(bytes);
  bytes.u32(static_cast<std::uint32_t>(batch.windows.size()));
  const bool has_sketches = type_of(batch) == sketched_batch_type;
  for (const WindowRows& window : batch.windows) write(bytes, window, inputs[window.input], series, has_sketches);
}

std::optional<RowBatchHead> decode_row_batch_head(std::string_view payload) {
  ByteReader bytes(payload);
  const RowBatchHead head = read_head(bytes);
  return bytes.ok() ? std::optional(head) : std::nullopt;
}

std::optional<DecodedRowBatch> decode_row_batch(std::string_view payload, const std::vector<WindowSchema>& inputs,
                                                std::uint8_t type) {
  ByteReader bytes(payload);
  DecodedRowBatch decoded;
  decoded.epochs = read_head(bytes).epochs;
  decoded.batch.id = decoded.epochs.last;
  SeriesList series;
  const std::uint32_t series_count = bytes.u32();
  for (std::uint32_t i = 0; i < series_count && bytes.has(1, series_bytes_min); ++i) {
    series.push_back(read_series(bytes));
  }
  const std::uint32_t windows = bytes.u32();
  std::vector<WindowSchema> schemas;
  for (std::uint32_t i = 0; i < windows && bytes.ok(); ++i) {
    schemas.push_back(read_schema(bytes));
    WindowRows window = read_window(bytes, series, i, schemas.back().columns.size(), type == sketched_batch_type);
    if (!window.rows.empty()) decoded.batch.windows.push_back(std::move(window));
  }
  if (!bytes.ok() || !bytes.at_end()) return std::nullopt;
  const std::size_t rows = decoded.batch.row_count();
  RowTranslation(schemas, inputs).apply(decoded.batch);
  decoded.rows_without_window = rows - decoded.batch.row_count();
  return decoded;
}

}  // namespace edgetide
