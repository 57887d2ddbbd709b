// What every fuzz target has: libFuzzer's entry point, which a plain build calls from replay_corpus.cpp instead, and a
// check that aborts the program, so that both detect a failure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace edgetide {

inline void require(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "broken promise: %s\n", what);
  std::abort();
}

inline std::string_view text_of(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

// The first byte chooses one of two ways; they get the bytes behind it.
template <typename Even, typename Odd>
int run_either(const std::uint8_t* data, std::size_t size, Even&& even, Odd&& odd) {
  const std::string_view bytes = text_of(data, size);
  if (bytes.empty()) return 0;
  bytes[0] % 2 == 0 ? even(bytes.substr(1)) : odd(bytes.substr(1));
  return 0;
}

}  // namespace edgetide
