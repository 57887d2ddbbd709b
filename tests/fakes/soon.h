// Waits for a condition, with a generous deadline. Thread: any. Fails: false after a minute.
#pragma once

#include <chrono>
#include <thread>

namespace edgetide::test {

template <typename Condition>
bool soon(Condition&& condition) {
  using namespace std::chrono_literals;
  for (const auto end = std::chrono::steady_clock::now() + 60s; std::chrono::steady_clock::now() < end;) {
    if (condition()) return true;
    std::this_thread::sleep_for(2ms);
  }
  return false;
}

}  // namespace edgetide::test
