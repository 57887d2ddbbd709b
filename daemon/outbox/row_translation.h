// Rows by the schemas that a sink's inputs had, turned into rows by those that it has: windows and columns are found
// by name. A column that was removed is left out, a new one is null, and rows of a window that the sink takes no longer
// are left out.
//
// Thread: pure. Fails: never.
#pragma once

#include <cstddef>
#include <vector>

#include "sinks/row_batch.h"

namespace edgetide {

class RowTranslation {
 public:
  RowTranslation(const std::vector<WindowSchema>& from, const std::vector<WindowSchema>& to);

  // Its inputs are those of `from`, and become those of `to`.
  void apply(RowBatch& batch) const;

 private:
  static constexpr std::size_t nowhere = static_cast<std::size_t>(-1);
  struct Input {
    std::size_t to = nowhere;
    std::size_t columns_before = 0;
    std::vector<std::size_t> columns;  // by new column: the old one
    bool is_same = false;              // columns
  };
  static Input input_for(const WindowSchema& from, const std::vector<WindowSchema>& to);

  std::vector<Input> inputs_;
  bool is_same_;
};

}  // namespace edgetide
