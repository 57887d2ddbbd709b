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
#include <optional>
#include <span>
#include <string>
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

  explicit AggregateLayout(std::span<const Aggregate> aggregates, const AggregateRules& rules = {});

  std::size_t words() const noexcept { return words_; }
  const std::vector<Aggregate>& aggregates() const noexcept { return aggregates_; }

  // The state of no readings. Does not free what the state held.
  void clear(Word* state) const noexcept;
  // Some aggregate keeps more than words: a state has to be released before it is forgotten.
  bool owns_memory() const noexcept { return plain_words_ != words_; }
  void release(Word* state) const noexcept;  // leaves the state of no readings

  // Requires: `value` is finite.
  [[gnu::always_inline]] void add(Word* state, Timestamp event_time, double value) const {
    if (sum_min_max_ && !is_larger_sum(state + sum_at, value)) [[unlikely]]
      return add_to_all(state, event_time, value);
    const Word count = ++state[0];
    if (sum_min_max_) [[likely]] {
      add_to_larger_sum(state + sum_at, value);
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

  // ---- what came before a window
  // Some aggregate takes it in.
  bool carries() const noexcept { return has(StatePart::carried); }
  // Of a state the last reading can be given.
  bool knows_last() const noexcept { return has(StatePart::last) || has(StatePart::points); }
  bool keeps_last() const noexcept { return carries() || rules_.keep_last; }
  // Sets what came before the readings of a state to `carried`, and `carried` to what then comes after them. True if
  // that is not what it was set to before; unless `has_changed`, the state has the same readings as then.
  // Requires: carries(), and the state has readings.
  bool carry_through(Word* state, bool has_changed, CarriedReading& carried) const;
  // What comes after the readings of a state, as `carry_through` said. Requires: knows_last().
  CarriedReading after(const Word* state) const;
  // What was carried into a state, as words: to see whether that changes. True if `words` were others.
  std::size_t carried_words() const noexcept { return !carries() ? 0 : has(StatePart::counter) ? 4 : 2; }
  bool copy_carried(const Word* state, Word* words) const noexcept;
  // The aggregate of a window without readings in which the value of `carried` holds.
  double filled(const Aggregate& aggregate, Span span, const CarriedReading& carried) const noexcept;

  static std::uint64_t count(const Word* state) noexcept { return state[0]; }
  double value(const Word* state, const Aggregate& aggregate, Span span) const noexcept;
  // Of Aggregate::sketch, the bytes (dd_sketch.h). Requires: the state has readings, and one of the aggregates reads a
  // sketch.
  std::string sketch(const Word* state) const;
  // The event time of the newest reading; nothing: no aggregate needs it.
  std::optional<Timestamp> newest(const Word* state) const;

  std::size_t owned_bytes(const Word* state) const noexcept;
  // By all states of a store (slot_store.h); walks them.
  template <typename Store>
  std::size_t owned_by_all(const Store& store) const {
    std::size_t bytes = 0;
    if (owns_memory()) store.for_each([&](auto slot) { bytes += owned_bytes(store.state(slot)); });
    return bytes;
  }
  // What `add` of that value would take, to a state or to that of no readings (null), at most; and to any state, unless
  // it keeps very many readings: then a quarter of what it owns.
  std::size_t growth(const Word* state, double value) const noexcept;
  std::size_t largest_growth() const noexcept;
  bool keeps_readings() const noexcept { return has(StatePart::points); }
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
  AggregateInput input(const Word* state, const Aggregate& aggregate, Span span) const noexcept {
    return {state, at_, aggregate, span, rules_};
  }
  [[gnu::noinline]] void add_to_all(Word* state, Timestamp event_time, double value) const;
  [[gnu::noinline]] void add_to_others(Word* state, Timestamp event_time, double value) const;

  std::vector<Aggregate> aggregates_;
  AggregateRules rules_;
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
