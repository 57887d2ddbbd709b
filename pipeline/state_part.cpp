#include "pipeline/state_part.h"

#include <algorithm>
#include <array>
#include <limits>

#include "pipeline/distinct_counter.h"
#include "pipeline/point_list.h"
#include "pipeline/quantile_sketch.h"

namespace edgetide {

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

void add_sum(StateWord* part, std::uint64_t, Timestamp, double value) {
  add_to_sum(part, value);
}
void merge_sums(StateWord* part, std::uint64_t, const StateWord* other, std::uint64_t) {
  add_to_sum(part, real_of(other[0]));
  part[1] = word_of(real_of(part[1]) + real_of(other[1]));
}

void add_min(StateWord* part, std::uint64_t, Timestamp, double value) {
  add_to_min(*part, value);
}
void merge_mins(StateWord* part, std::uint64_t, const StateWord* other, std::uint64_t) {
  *part = word_of(std::min(real_of(*part), real_of(*other)));
}

void add_max(StateWord* part, std::uint64_t, Timestamp, double value) {
  add_to_max(*part, value);
}
void merge_maxes(StateWord* part, std::uint64_t, const StateWord* other, std::uint64_t) {
  *part = word_of(std::max(real_of(*part), real_of(*other)));
}

void merge_firsts(StateWord* part, std::uint64_t, const StateWord* other, std::uint64_t) {
  if (time_of(other[0]) < time_of(part[0])) std::copy_n(other, 2, part);
}
void merge_lasts(StateWord* part, std::uint64_t, const StateWord* other, std::uint64_t) {
  if (time_of(other[0]) >= time_of(part[0])) std::copy_n(other, 2, part);
}

// part: origin, mean less origin, sum of squared deviations. The origin is the first value: values that are large
// but differ little keep all their digits.
void add_moments(StateWord* part, std::uint64_t count, Timestamp, double value) {
  if (count == 1) part[0] = word_of(value);
  const double shifted = value - real_of(part[0]);
  const double delta = shifted - real_of(part[1]);
  const double mean = real_of(part[1]) + delta / static_cast<double>(count);
  part[1] = word_of(mean);
  part[2] = word_of(real_of(part[2]) + delta * (shifted - mean));
}
void merge_moments(StateWord* part, std::uint64_t count, const StateWord* other, std::uint64_t other_count) {
  const double n = static_cast<double>(count), m = static_cast<double>(other_count);
  const double delta = (real_of(other[0]) - real_of(part[0])) + (real_of(other[1]) - real_of(part[1]));
  part[1] = word_of(real_of(part[1]) + delta * (m / (n + m)));
  part[2] = word_of(real_of(part[2]) + real_of(other[2]) + delta * delta * (n * (m / (n + m))));
}

// What the word of a part points to; made when the first reading needs it.
template <typename Owned>
Owned& need(StateWord& part) {
  if (part == 0) part = reinterpret_cast<std::uintptr_t>(new Owned);
  return *part_at<Owned>(part);
}

template <typename Owned>
constexpr StatePartKind owning(void (*add)(StateWord*, std::uint64_t, Timestamp, double)) {
  return {
      .words = 1,
      .add = add,
      .merge = [](StateWord* part, std::uint64_t, const StateWord* other,
                  std::uint64_t) { need<Owned>(*part).merge(*part_at<Owned>(*other)); },
      .release =
          [](StateWord& part) {
            delete part_at<Owned>(part);
            part = 0;
          },
      .heap_bytes = [](StateWord part) -> std::size_t {
        return part == 0 ? 0 : sizeof(Owned) + part_at<Owned>(part)->heap_bytes();
      },
      .save = [](StateWord part, ByteWriter& out) { part_at<Owned>(part)->save(out); },
      .load = [](StateWord& part, ByteReader& in) { return need<Owned>(part).load(in); },
  };
}

void add_to_sketch(StateWord* part, std::uint64_t, Timestamp, double value) {
  need<QuantileSketch>(*part).add(value);
}
void add_to_distinct(StateWord* part, std::uint64_t, Timestamp, double value) {
  need<DistinctCounter>(*part).add(value);
}
void add_to_points(StateWord* part, std::uint64_t, Timestamp event_time, double value) {
  need<PointList>(*part).add(event_time, value);
}

constexpr std::array<StatePartKind, state_part_count> kinds = {{
    {.words = 2, .add = add_sum, .merge = merge_sums},
    {.words = 1, .initial = word_of(infinity), .add = add_min, .merge = merge_mins},
    {.words = 1, .initial = word_of(-infinity), .add = add_max, .merge = merge_maxes},
    {.words = 2, .add = add_to_first, .merge = merge_firsts},
    {.words = 2, .add = add_to_last, .merge = merge_lasts},
    {.words = 3, .add = add_moments, .merge = merge_moments},
    owning<QuantileSketch>(add_to_sketch),
    owning<DistinctCounter>(add_to_distinct),
    owning<PointList>(add_to_points),
}};

}  // namespace

const StatePartKind& kind_of(StatePart part) noexcept {
  return kinds[index_of(part)];
}

}  // namespace edgetide
