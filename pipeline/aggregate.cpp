#include "pipeline/aggregate.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace edgetide {

AggregateLayout::AggregateLayout(std::span<const Aggregate> aggregates)
    : aggregates_(aggregates.begin(), aggregates.end()) {
  for (std::size_t i = 0; i < state_part_count; ++i) {
    const auto part = static_cast<StatePart>(i);
    if (!needs(part)) continue;
    const StatePartKind& kind = kind_of(part);
    at_[i] = static_cast<std::uint16_t>(words_);
    parts_.push_back({&kind, words_});
    if (part > StatePart::last) others_.push_back(parts_.back());
    words_ += kind.words;
    if (!kind.owns_memory()) plain_words_ = words_;
  }
  sum_min_max_ = at(StatePart::sum) == sum_at && at(StatePart::min) == min_at && at(StatePart::max) == max_at;
  in_order_ = has(StatePart::first) || has(StatePart::last);
  more_ = !others_.empty();
}

bool AggregateLayout::needs(StatePart part) const {
  return std::any_of(aggregates_.begin(), aggregates_.end(),
                     [&](const Aggregate& aggregate) { return kind_of(aggregate).reads.has(part); });
}

void AggregateLayout::clear(Word* state) const noexcept {
  std::fill_n(state, words_, Word{0});
  for (const Placed& part : parts_) state[part.at] = part.kind->initial;
}

void AggregateLayout::release(Word* state) const noexcept {
  if (!owns_memory()) return;
  for (const Placed& part : others_) {
    if (part.kind->owns_memory()) part.kind->release(state[part.at]);
  }
  clear(state);
}

void AggregateLayout::add_to_others(Word* state, Timestamp event_time, double value) const {
  for (const Placed& part : others_) taken_ += part.kind->add(state + part.at, count(state), event_time, value);
}

void AggregateLayout::merge(Word* state, const Word* other) const {
  if (count(other) == 0) return;
  const bool is_empty = count(state) == 0;
  for (const Placed& part : parts_) {
    if (is_empty && !part.kind->owns_memory()) {
      std::copy_n(other + part.at, part.kind->words, state + part.at);
    } else {
      part.kind->merge(state + part.at, count(state), other + part.at, count(other));
    }
  }
  state[0] += other[0];
}

double AggregateLayout::value(const Word* state, const Aggregate& aggregate, Span span) const noexcept {
  constexpr double not_computable = std::numeric_limits<double>::quiet_NaN();
  if (aggregate == Aggregate::count) return static_cast<double>(count(state));
  if (count(state) == 0) return not_computable;
  const double result = kind_of(aggregate).value({state, at_, aggregate, span});
  return std::isfinite(result) ? result : not_computable;
}

std::size_t AggregateLayout::owned_bytes(const Word* state) const noexcept {
  std::size_t bytes = 0;
  for (const Placed& part : others_) {
    if (part.kind->owns_memory()) bytes += part.kind->owned_bytes(state[part.at]);
  }
  return bytes;
}

bool AggregateLayout::grows_with(const Word* state, double value) const noexcept {
  return std::any_of(others_.begin(), others_.end(), [&](const Placed& part) {
    return part.kind->owns_memory() && part.kind->grows_with(state[part.at], value);
  });
}

void AggregateLayout::save(ByteWriter& out, const Word* state) const {
  out.words({state, plain_words_});
  if (count(state) == 0) return;
  for (const Placed& part : others_) {
    if (part.kind->owns_memory()) part.kind->save(state[part.at], out);
  }
}

bool AggregateLayout::load(ByteReader& in, Word* state) const {
  for (std::size_t i = 0; i < plain_words_; ++i) state[i] = in.u64();
  bool whole = in.ok();
  for (const Placed& part : others_) {
    if (whole && part.kind->owns_memory() && count(state) != 0) whole = part.kind->load(state[part.at], in);
  }
  if (!whole) {
    release(state);
    clear(state);
  }
  return whole;
}

}  // namespace edgetide
