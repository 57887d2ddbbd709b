// Columns of text for a terminal, as wide as their widest cell; the last one is not padded.
//
// Thread: one owner at a time. Fails: never. Requires: cells are printable ASCII or short UTF-8.
#pragma once

#include <algorithm>
#include <cstddef>
#include <initializer_list>
#include <string>
#include <vector>

#include "pipeline/time.h"

namespace edgetide {

class TextTable {
 public:
  explicit TextTable(std::vector<std::string> head) { add(std::move(head)); }
  // Requires: as many cells as the head has.
  void add(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
  // Each line with its newline and `indent` before it.
  std::string text(const std::string& indent = "") const {
    std::vector<std::size_t> widths(rows_.front().size());
    for (const auto& row : rows_) {
      for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width_of(row[i]));
    }
    std::string text;
    for (const auto& row : rows_) {
      text += indent;
      for (std::size_t i = 0; i + 1 < row.size(); ++i) {
        text += row[i];
        text.append(widths[i] - width_of(row[i]) + 2, ' ');
      }
      text += row.back() + '\n';
    }
    return text;
  }

 private:
  // In code points: continuation bytes take no place.
  static std::size_t width_of(const std::string& cell) noexcept {
    return static_cast<std::size_t>(std::count_if(cell.begin(), cell.end(), [](char c) { return (c & 0xC0) != 0x80; }));
  }

  std::vector<std::vector<std::string>> rows_;
};

// About how long: "850ms", "12s", "3m 20s", "5h 10m", "2d 4h"; negative with a leading "-".
std::string short_text(Duration duration);
// "12.5KiB", "3.0MiB"
std::string bytes_text(std::uint64_t bytes);

}  // namespace edgetide
