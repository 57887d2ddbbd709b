#include "pipeline/aggregate.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "pipeline/dd_sketch.h"
#include "pipeline/point_list.h"
#include "pipeline/quantile_sketch.h"

namespace edgetide {

AggregateLayout::AggregateLayout(std::span<const Aggregate> aggregates, const AggregateRules& rules)
    : aggregates_(aggregates.begin(), aggregates.end()), rules_(rules) {
  for (std::size_t i = 0; i < state_part_count; ++i) {
    const auto part = static_cast<StatePart>(i);
    if (!needs(part)) continue;
    const StatePartKind& kind = kind_of(part);
    at_[i] = static_cast<std::uint16_t>(words_);
    parts_.push_back({&kind, words_});
    if (part > StatePart::last && kind.add != nullptr) others_.push_back(parts_.back());
    words_ += kind.words;
    if (!kind.owns_memory()) plain_words_ = words_;
  }
  sum_min_max_ = at(StatePart::sum) == sum_at && at(StatePart::min) == min_at && at(StatePart::max) == max_at;
  in_order_ = has(StatePart::first) || has(StatePart::last);
  more_ = !others_.empty();
}

bool AggregateLayout::needs(StatePart part) const {
  const auto any = [&](auto&& holds) {
    return std::any_of(aggregates_.begin(), aggregates_.end(), [&](const Aggregate& a) { return holds(kind_of(a)); });
  };
  const bool is_read = any([&](const AggregateKind& kind) { return kind.reads.has(part); });
  const bool carries = rules_.carry_in && any([](const AggregateKind& kind) { return kind.carries; });
  switch (part) {
    case StatePart::carried:
      return carries;
    case StatePart::counter:
      return carries && is_read;
    case StatePart::last:
      return is_read || ((carries || rules_.keep_last) && !needs(StatePart::points));
    default:
      return is_read;
  }
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

// As `add`, whatever the parts. Apart: a call on the way of most readings would cost them three instructions.
void AggregateLayout::add_to_all(Word* state, Timestamp event_time, double value) const {
  const Word count = ++state[0];
  for (const Placed& part : parts_) {
    if (part.kind->add != nullptr) taken_ += part.kind->add(state + part.at, count, event_time, value);
  }
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
  if (count(state) == 0) return aggregate == Aggregate::count ? 0 : not_computable;
  const double result = kind_of(aggregate).value(input(state, aggregate, span));
  return std::isfinite(result) ? result : not_computable;
}

std::string AggregateLayout::sketch(const Word* state) const {
  return dd_sketch(*part_at<QuantileSketch>(state[at(StatePart::sketch)]));
}

bool AggregateLayout::copy_carried(const Word* state, Word* words) const noexcept {
  bool differs = false;
  for (std::size_t i = 0; i < carried_words(); ++i) {
    const Word word = i < 2 ? state[at(StatePart::carried) + i] : state[at(StatePart::counter) + i - 2];
    differs = std::exchange(words[i], word) != word || differs;
  }
  return differs;
}

bool AggregateLayout::carry_through(Word* state, bool has_changed, CarriedReading& carried) const {
  bool differs = false;
  const auto set = [&](Word& word, Word to) { differs = std::exchange(word, to) != to || differs; };
  set(state[at(StatePart::carried)], word_of(carried.value()));
  set(state[at(StatePart::carried) + 1], static_cast<Word>(carried.time.count()));
  if (has(StatePart::counter)) {
    Word* const counter = state + at(StatePart::counter);
    set(counter[0], word_of(carried.counter.base));
    set(counter[1], word_of(carried.counter.before));
    if (differs || has_changed) {
      const PointList& points = *part_at<PointList>(state[at(StatePart::points)]);
      const CounterTrack after = points.increase(carried.counter, rules_.reset_below).after;
      counter[2] = word_of(after.base);
      counter[3] = word_of(after.before);
    }
  }
  carried = after(state);
  return differs;
}

CarriedReading AggregateLayout::after(const Word* state) const {
  CarriedReading last;
  if (has(StatePart::last)) {
    const Word* const part = state + at(StatePart::last);
    last = {time_of(part[0]), {.last = real_of(part[1])}};
  } else {
    last = part_at<PointList>(state[at(StatePart::points)])->last();
  }
  if (!has(StatePart::counter)) return last;
  last.counter.base = real_of(state[at(StatePart::counter) + 2]);
  last.counter.before = real_of(state[at(StatePart::counter) + 3]);
  return last;
}

std::optional<Timestamp> AggregateLayout::newest(const Word* state) const {
  if (!knows_last() || count(state) == 0) return std::nullopt;
  if (has(StatePart::last)) return time_of(state[at(StatePart::last)]);
  return part_at<PointList>(state[at(StatePart::points)])->last().time;
}

double AggregateLayout::filled(const Aggregate& aggregate, Span span, const CarriedReading& carried) const noexcept {
  const bool holds = carried.known() && carried.time < span.start && carried.time + rules_.hold > span.start;
  const auto filled = kind_of(aggregate).filled;
  return holds && filled ? filled({aggregate, span, rules_, carried}) : std::numeric_limits<double>::quiet_NaN();
}

std::size_t AggregateLayout::owned_bytes(const Word* state) const noexcept {
  std::size_t bytes = 0;
  for (const Placed& part : others_) {
    if (part.kind->owns_memory()) bytes += part.kind->owned_bytes(state[part.at]);
  }
  return bytes;
}

std::size_t AggregateLayout::growth(const Word* state, double value) const noexcept {
  std::size_t bytes = 0;
  for (const Placed& part : others_) {
    if (part.kind->owns_memory()) bytes += part.kind->growth(state == nullptr ? 0 : state[part.at], value);
  }
  return bytes;
}

std::size_t AggregateLayout::largest_growth() const noexcept {
  std::size_t bytes = 0;
  for (const Placed& part : others_) bytes += part.kind->largest_growth;
  return bytes;
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
