// Which seeds a test of the simulation runs: as many as it says, or EDGETIDE_SEEDS=N, or EDGETIDE_SEED=N alone.
#pragma once

#include <cstdint>
#include <cstdlib>

namespace edgetide::test {

inline std::uint64_t number_in(const char* variable, std::uint64_t otherwise) {
  const char* const text = std::getenv(variable);
  return text != nullptr ? std::strtoull(text, nullptr, 10) : otherwise;
}

struct Range {
  std::uint64_t first, last;
};
inline Range seeds(std::uint64_t count) {
  if (const std::uint64_t one = number_in("EDGETIDE_SEED", 0)) return {one, one};
  return {1, number_in("EDGETIDE_SEEDS", count)};
}

}  // namespace edgetide::test
