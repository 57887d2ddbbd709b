// A formula over some numbers: what a derived metric is computed with. The parser is a library outside the core.
//
// Fails:  a result that is not finite means that there is none.
// Thread: used by one owner at a time.
#pragma once

#include <span>
#include <string_view>

namespace edgetide {

class Formula {
 public:
  virtual ~Formula() = default;
  // Requires: as many inputs as the formula has variables. The same inputs give the same result.
  virtual double evaluate(std::span<const double> inputs) const noexcept = 0;
  // What it computes, as written: formulas with the same text and inputs give the same results.
  virtual std::string_view text() const noexcept = 0;
};

}  // namespace edgetide
