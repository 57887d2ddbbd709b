// Which rows of a delivery are confirmed, and how many of the first ones: what an at-least-once sink whose
// confirmations come in any order may say of a delivery that fails (RetryAfter::rows_stored).
//
// Thread: one owner at a time; pure. Fails: never.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

namespace edgetide {

class ConfirmedRows {
 public:
  explicit ConfirmedRows(std::size_t rows = 0) : confirmed_(rows, false) {}

  void add(std::size_t row) { confirmed_[row] = true; }
  std::size_t first_ones() const {
    return static_cast<std::size_t>(std::find(confirmed_.begin(), confirmed_.end(), false) - confirmed_.begin());
  }
  bool are_all() const { return first_ones() == confirmed_.size(); }

 private:
  std::vector<bool> confirmed_;
};

}  // namespace edgetide
