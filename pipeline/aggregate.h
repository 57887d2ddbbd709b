// The aggregates of one window definition, and the state they share.
//
// An `AggregateLayout` takes the list a window was asked for (aggregate_kind.h) and lays the state it needs out in a
// block of 8-byte words: the count always, then only the parts that some aggregate reads (state_part.h).
// States merge: `merge` gives the state that all readings together would have given.
//
// Units:  values as in the series; times in UTC microseconds.
// Owns:   nothing; the blocks belong to the window stores, which release them.
// Fails:  never; an aggregate that cannot be computed (stddev of one reading, a sum beyond double) is NaN.
// Thread: immutable after construction.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "pipeline/aggregate_kind.h"
#include "pipeline/bytes.h"
#include "pipeline/state_part.h"
#include "pipeline/time.h"

namespace edgetide {

class AggregateLayout {
 public:
  using Word = StateWord;
  using Span = AggregateSpan;

  explicit AggregateLayout(std::span<const Aggregate> aggregates);

  std::size_t words() const noexcept { return words_; }
  const std::vector<Aggregate>& aggregates() const noexcept { return aggregates_; }

  // The state of no readings. Does not free what the state held.
  void clear(Word* state) const noexcept;
  // Some aggregate keeps more than words: a state has to be released before it is forgotten.
  bool owns_memory() const noexcept { return plain_words_ != words_; }
  void release(Word* state) const noexcept;  // leaves the state of no readings

  // Requires: `value` is finite.
  [[gnu::always_inline]] void add(Word* state, Timestamp event_time, double value) const {
    const Word count = ++state[0];
    if (sum_min_max_) [[likely]] {
      add_to_sum(state + sum_at, value);
      add_to_min(state[min_at], value);
      add_to_max(state[max_at], value);
    } else {
      if (has(StatePart::sum)) add_to_sum(state + at(StatePart::sum), value);
      if (has(StatePart::min)) add_to_min(state[at(StatePart::min)], value);
      if (has(StatePart::max)) add_to_max(state[at(StatePart::max)], value);
    }
    if (in_order_ && has(StatePart::first)) add_to_first(state + at(StatePart::first), count, event_time, value);
    if (in_order_ && has(StatePart::last)) add_to_last(state + at(StatePart::last), count, event_time, value);
    if (more_) [[unlikely]]
      add_to_others(state, event_time, value);
  }

  // Adds the readings of `other`, which arrived after those of `state`.
  void merge(Word* state, const Word* other) const;

  static std::uint64_t count(const Word* state) noexcept { return state[0]; }
  double value(const Word* state, const Aggregate& aggregate, Span span) const noexcept;

  std::size_t owned_bytes(const Word* state) const noexcept;
  // By all states of a store (slot_store.h); walks them.
  template <typename Store>
  std::size_t owned_by_all(const Store& store) const {
    std::size_t bytes = 0;
    if (owns_memory()) store.for_each([&](std::uint32_t slot) { bytes += owned_bytes(store.state(slot)); });
    return bytes;
  }
  bool grows_with(const Word* state, double value) const noexcept;  // `add` of that value may take memory
  // By all states, in `add` since `forget_taken`.
  std::size_t bytes_taken() const noexcept { return taken_; }
  void forget_taken() const noexcept { taken_ = 0; }
  void save(ByteWriter& out, const Word* state) const;
  // False for bytes that no state has. Requires: a cleared state; it is released if the bytes are refused.
  bool load(ByteReader& in, Word* state) const;

 private:
  static constexpr std::uint16_t absent = 0;  // word 0 is the count
  // Where the usual three are, if all of them are wanted: then a reading need not ask for each.
  static constexpr std::size_t sum_at = 1;
  static constexpr std::size_t min_at = 3;
  static constexpr std::size_t max_at = 4;

  struct Placed {
    const StatePartKind* kind;
    std::size_t at;
  };

  std::size_t at(StatePart part) const noexcept { return at_[index_of(part)]; }
  bool has(StatePart part) const noexcept { return at_[index_of(part)] != absent; }
  bool needs(StatePart part) const;
  [[gnu::noinline]] void add_to_others(Word* state, Timestamp event_time, double value) const;

  std::vector<Aggregate> aggregates_;
  std::size_t words_ = 1;
  std::size_t plain_words_ = 1;  // the words in front of those that own memory
  std::array<std::uint16_t, state_part_count> at_{};
  std::vector<Placed> parts_;   // all that are there, in their order
  std::vector<Placed> others_;  // those that `add` does not do by itself
  bool sum_min_max_ = false;    // all three, at sum_at, min_at and max_at
  bool in_order_ = false;       // first or last
  bool more_ = false;           // others_ are there
  mutable std::size_t taken_ = 0;
};

}  // namespace edgetide
