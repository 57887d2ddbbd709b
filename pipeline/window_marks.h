// The marks of windows whose row was emitted, and with each what was carried into that row. A key's windows overlap, so
// most of them stand one beside the other: they are kept in pages of up to 32 neighbours, 4 bytes and what is carried
// for each, and about 38 bytes for a page.
//
// A window is known by its number: its start, counted in slides.
//
// Owns:   the pages. A view stays valid until its mark is erased.
// Units:  none. Thread: one owner at a time. Fails: never.
// Limit:  2^31 pages.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <new>

#include "pipeline/floor_divide.h"
#include "pipeline/slot_bytes.h"
#include "pipeline/slot_store.h"
#include "pipeline/window_row.h"

namespace edgetide {

class WindowMarks {
 public:
  using Word = std::uint64_t;

  // `overlap`: how many windows a time is in; `carried_words` of each.
  WindowMarks(std::size_t overlap, std::size_t carried_words, std::uint64_t hash_seed)
      : carried_words_(carried_words),
        windows_(page_windows(overlap, carried_words)),
        pages_(mark_words() + windows_ * carried_words, hash_seed) {}

  struct View {
    SlotId page = no_slot;
    std::uint32_t index = 0;

    explicit operator bool() const noexcept { return page != no_slot; }
  };

  View find(KeyId key, std::int64_t window) const noexcept {
    const View view{pages_.find(key, start_of(window)), index_in_page(window)};
    return view && (pages_.header(view.page).used & bit(view)) != 0 ? view : View();
  }
  // Requires: there is none. What is carried is left for the caller to set.
  View create(KeyId key, std::int64_t window) {
    View view{pages_.find(key, start_of(window)), index_in_page(window)};
    if (!view) view.page = pages_.create(key, start_of(window));
    pages_.header(view.page).used |= bit(view);
    new (place(view)) RowMark();
    return view;
  }
  void erase(View view) {
    Page& page = pages_.header(view.page);
    page.used &= ~bit(view);
    if (page.used == 0) pages_.erase(view.page);
  }

  RowMark& mark(View view) noexcept { return *std::launder(place(view)); }
  const RowMark& mark(View view) const noexcept {
    return *std::launder(reinterpret_cast<const RowMark*>(pages_.state(view.page)) + view.index);
  }
  Word* carried(View view) noexcept { return pages_.state(view.page) + carried_at(view); }
  const Word* carried(View view) const noexcept { return pages_.state(view.page) + carried_at(view); }

  // The page of a window, as a number.
  std::int64_t page_of(std::int64_t window) const noexcept {
    return floor_divide(window, static_cast<std::int64_t>(windows_));
  }
  // That so many neighbours may touch.
  std::size_t most_pages(std::size_t windows) const noexcept { return (windows + windows_ - 2) / windows_ + 1; }
  std::size_t pages() const noexcept { return pages_.size(); }

  std::size_t memory_bytes() const noexcept { return pages_.memory_bytes(); }
  std::size_t page_bytes() const noexcept { return pages_.slot_bytes(); }
  std::size_t growth(std::size_t pages) const noexcept { return pages_.growth(pages); }
  std::size_t largest_step() const noexcept { return pages_.largest_step(); }
  void shrink() { pages_.shrink(); }

  // Neighbours that have marks, in the order of keys and windows: visit(key, first window, view of its mark, how many).
  template <typename Visit>
  void for_each_run(Visit&& visit) const {
    for (const SlotLocation& page : slots_in_order(pages_)) {
      const std::uint32_t used = pages_.header(page.slot).used;
      for (std::uint32_t first = 0; first < windows_;) {
        const auto count = static_cast<std::uint32_t>(std::countr_one(used >> first));
        const std::int64_t window = page.start.count() * static_cast<std::int64_t>(windows_) + first;
        if (count > 0) visit(page.key, window, View{page.slot, first}, count);
        first += count + 1;
      }
    }
  }

 private:
  struct Page {
    Timestamp start;  // its number
    KeyId key{0};
    std::uint32_t used = 0;  // a bit for each window
  };
  static constexpr std::size_t most_page_bytes = 128;
  static constexpr std::uint32_t block_bits = 7;  // a definition with few windows takes few KiB
  static_assert(sizeof(RowMark) == 4);

  static std::size_t page_windows(std::size_t overlap, std::size_t carried_words) noexcept {
    const std::size_t fit = most_page_bytes / (sizeof(RowMark) + carried_words * sizeof(Word));
    return std::bit_floor(std::clamp<std::size_t>(std::min(overlap, fit), 1, 32));
  }
  std::size_t mark_words() const noexcept { return (windows_ * sizeof(RowMark) + sizeof(Word) - 1) / sizeof(Word); }
  std::size_t carried_at(View view) const noexcept { return mark_words() + view.index * carried_words_; }
  Timestamp start_of(std::int64_t window) const noexcept { return Timestamp::microseconds(page_of(window)); }
  std::uint32_t index_in_page(std::int64_t window) const noexcept {
    return static_cast<std::uint32_t>(static_cast<std::uint64_t>(window) & (windows_ - 1));
  }
  static std::uint32_t bit(View view) noexcept { return 1U << view.index; }
  RowMark* place(View view) noexcept { return reinterpret_cast<RowMark*>(pages_.state(view.page)) + view.index; }

  const std::size_t carried_words_;
  const std::size_t windows_;  // of a page, a power of two
  SlotStore<Page, SlotIndex::key_and_start, block_bits> pages_;
};

}  // namespace edgetide
