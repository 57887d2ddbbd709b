#include "tests/fakes/counting_allocator.h"

#include <atomic>
#include <cstdlib>
#include <malloc.h>
#include <new>

namespace {

std::atomic<std::uint64_t> count{0};
std::atomic<std::size_t> held{0};

std::size_t block_bytes(void* memory) noexcept {
  return malloc_usable_size(memory) + sizeof(std::size_t);
}

void* take(std::size_t bytes) noexcept {
  ++count;
  void* const memory = std::malloc(bytes == 0 ? 1 : bytes);
  if (memory != nullptr) held += block_bytes(memory);
  return memory;
}

void give_back(void* memory) noexcept {
  if (memory == nullptr) return;
  held -= block_bytes(memory);
  std::free(memory);
}

}  // namespace

namespace edgetide::test {
std::uint64_t allocations() noexcept {
  return count;
}
std::size_t bytes_held() noexcept {
  return held;
}
}  // namespace edgetide::test

void* operator new(std::size_t bytes) {
  if (void* const memory = take(bytes)) return memory;
  throw std::bad_alloc();
}
// Also for shared libraries: a sanitizer objects when our delete gets memory of its nothrow new.
void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept {
  return take(bytes);
}
void operator delete(void* memory) noexcept {
  give_back(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  give_back(memory);
}
