#include "daemon/decoders/states.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "daemon/decoders/id_text.h"
#include "daemon/decoders/number_text.h"
#include "pipeline/characters.h"

namespace edgetide {

namespace {

constexpr std::size_t max_states = 100;

struct Standard {
  std::string_view word;
  double value;
};
constexpr Standard standard_states[] = {{"true", 1}, {"on", 1}, {"yes", 1},    {"open", 1}, {"false", 0},
                                        {"off", 0},  {"no", 0}, {"closed", 0}, {"close", 0}};

void check(const State& state) {
  const std::string place = "states: '" + escaped(state.word) + "' ";
  if (!is_id(state.word)) throw std::invalid_argument(place + "must be 1 to 128 bytes of printable text");
  if (number_of_text(state.word)) throw std::invalid_argument(place + "is read as a number");
  if (is_not_finite(state.word)) throw std::invalid_argument(place + "says that there is no value");
  if (!std::isfinite(state.value)) throw std::invalid_argument(place + "must be a number");
}

}  // namespace

States::States(std::span<const State> own, bool standard) {
  if (own.size() > max_states) throw std::invalid_argument("states: more than 100");
  for (const State& state : own) {
    check(state);
    if (find(state.word)) throw std::invalid_argument("states: '" + state.word + "' stands there twice");
    states_.push_back(state);
    longest_ = std::max(longest_, state.word.size());
  }
  for (const Standard& state : standard_states) {
    if (!standard || find(state.word)) continue;
    states_.push_back({std::string(state.word), state.value});
    longest_ = std::max(longest_, state.word.size());
  }
}

std::optional<double> States::find(std::string_view word) const noexcept {
  if (word.size() > longest_) return std::nullopt;
  for (const State& state : states_) {
    if (state.word.size() == word.size() && equal_but_for_case(state.word, word)) return state.value;
  }
  return std::nullopt;
}

}  // namespace edgetide
