// Rows of a batch as bytes: what every stream sink writes or sends. One row is one line.
//
// Units:  times in UTC; a value that is not finite is null.
// Thread: pure; any thread. Never fails.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sinks/row_batch.h"

namespace edgetide {

class RowEncoder {
 public:
  explicit RowEncoder(std::vector<WindowSchema> inputs) : inputs_(std::move(inputs)) {}
  virtual ~RowEncoder() = default;

  // What a file begins with, once; empty where an encoding has none.
  virtual std::string header() const { return {}; }
  // Appends every row with its newline, and to `ends` where each of them ends. (A CSV row may hold newlines.)
  void append(std::string& out, const RowBatch& batch, std::vector<std::size_t>* ends = nullptr) const;

 protected:
  virtual void append_row(std::string& out, const WindowSchema& window, const SinkRow& row,
                          std::span<const double> values, EpochId id) const = 0;
  const std::vector<WindowSchema>& inputs() const noexcept { return inputs_; }

 private:
  const std::vector<WindowSchema> inputs_;  // of the sink
};

// What `encoding = "..."` of a stream sink may say.
struct RowEncoding {
  std::string_view name;
  std::string_view extension;  // of a file's name, with its dot
  std::unique_ptr<RowEncoder> (*make)(std::vector<WindowSchema> inputs);
};
std::span<const RowEncoding> row_encodings() noexcept;
// Null: there is none of that name.
const RowEncoding* find_row_encoding(std::string_view name) noexcept;

}  // namespace edgetide
