// The words of states and the numbers that stand for them: "ON" is 1, "closed" is 0. What every route knows, and what
// its `states` add or replace. ASCII letters are compared without regard to case.
//
// Owns:   the words. Thread: immutable after construction.
// Fails:  construction throws std::invalid_argument with a reason ("states: ...").
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace edgetide {

struct State {
  std::string word;
  double value = 0;
  bool operator==(const State&) const = default;
};

class States {
 public:
  // `standard`: also true, on, yes, open (1) and false, off, no, closed, close (0).
  States(std::span<const State> own, bool standard);

  std::optional<double> find(std::string_view word) const noexcept;

 private:
  std::vector<State> states_;
  std::size_t longest_ = 0;
};

}  // namespace edgetide
