// How often this program has called operator new. Link counting_allocator.cpp into the test program.
#pragma once

#include <cstdint>

namespace edgetide::test {
std::uint64_t allocations() noexcept;
}
