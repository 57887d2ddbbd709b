// What the allocator takes for what containers own: a block is 8 bytes longer than what is asked for, a multiple of 16,
// and at least 32 (glibc, 64 bit; other allocators differ by little).
//
// Thread: pure.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

namespace edgetide {

constexpr std::size_t heap_block(std::size_t bytes) noexcept {
  return bytes == 0 ? 0 : bytes <= 24 ? 32 : (bytes + 8 + 15) / 16 * 16;
}

template <typename Item>
std::size_t heap_bytes(const std::vector<Item>& items) noexcept {
  return heap_block(items.capacity() * sizeof(Item));
}

// What the next item would take.
template <typename Item>
std::size_t heap_growth(const std::vector<Item>& items) noexcept {
  if (items.size() < items.capacity()) return 0;
  return heap_block((items.empty() ? 1 : 2 * items.size()) * sizeof(Item)) - heap_bytes(items);
}

// Of a vector that is filled at firings only.
template <typename Item>
void release_if_large(std::vector<Item>& items) noexcept {
  constexpr std::size_t kept_bytes = 4096;
  if (items.capacity() * sizeof(Item) > kept_bytes) items = std::vector<Item>();
}

// A short one stands in the string itself.
inline std::size_t heap_bytes(const std::string& text) noexcept {
  constexpr std::size_t in_place = 15;
  return text.capacity() <= in_place ? 0 : heap_block(text.capacity() + 1);
}

// An entry of a std::map: the tree's three links and its colour stand before it.
template <typename Entry>
constexpr std::size_t map_entry_bytes() noexcept {
  return heap_block(4 * sizeof(void*) + sizeof(Entry));
}

// An object that std::make_shared made: its counters stand before it.
template <typename Object>
constexpr std::size_t shared_bytes() noexcept {
  return heap_block(2 * sizeof(void*) + sizeof(Object));
}

}  // namespace edgetide
