// How often this program has called operator new, and what it holds from it. Link counting_allocator.cpp into the test
// program.
#pragma once

#include <cstddef>
#include <cstdint>

namespace edgetide::test {
std::uint64_t allocations() noexcept;
std::size_t bytes_held() noexcept;  // in blocks of the allocator, with their heads
}  // namespace edgetide::test
