#include "pipeline/state_part.h"

#include <algorithm>
#include <array>
#include <limits>

#include "pipeline/counter_track.h"
#include "pipeline/distinct_counter.h"
#include "pipeline/heap_bytes.h"
#include "pipeline/point_list.h"
#include "pipeline/quantile_sketch.h"

namespace edgetide {

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

std::size_t add_sum(StateWord* part, std::uint64_t, Timestamp, double value) {
  add_to_sum(part, value);
  return 0;
}
// Beyond it a sum could leave the range of double. Smaller values do not reach it: that takes millions of them.
constexpr double huge_value = 0x1p1000;

bool is_scaled(const StateWord* part) noexcept {
  return std::isnan(real_of(part[0]));
}
// A NaN has room for 51 bits of the compensation, which cost it the last 13 of its 52 digits.
constexpr StateWord scaled_mark = 0x7FF8'0000'0000'0000;
constexpr int scaled_cut = 13;
double scaled_compensation(const StateWord* part) noexcept {
  return real_of((part[0] & ~scaled_mark) << scaled_cut);
}
void set_scaled(StateWord* part, double sum, double compensation) noexcept {
  part[0] = scaled_mark | word_of(compensation) >> scaled_cut;
  part[1] = word_of(sum);
}
void scale(StateWord* part) noexcept {
  set_scaled(part, real_of(part[0]) / sum_scale, real_of(part[1]) / sum_scale);
}
// Requires: is_scaled. `value` is scaled too.
void add_scaled(StateWord* part, double value) noexcept {
  const double sum = real_of(part[1]), total = sum + value;
  const double lost = std::abs(sum) >= std::abs(value) ? (sum - total) + value : (value - total) + sum;
  set_scaled(part, total, scaled_compensation(part) + lost);
}
void merge_sums(StateWord* part, std::uint64_t, const StateWord* other, std::uint64_t) {
  if (is_scaled(other)) {
    if (!is_scaled(part)) scale(part);
    add_scaled(part, real_of(other[1]));
    set_scaled(part, real_of(part[1]), scaled_compensation(part) + scaled_compensation(other));
    return;
  }
  add_to_sum(part, real_of(other[0]));
  if (!is_scaled(part)) {
    part[1] = word_of(real_of(part[1]) + real_of(other[1]));
  } else {
    set_scaled(part, real_of(part[1]), scaled_compensation(part) + real_of(other[1]) / sum_scale);
  }
}

std::size_t add_min(StateWord* part, std::uint64_t, Timestamp, double value) {
  add_to_min(*part, value);
  return 0;
}
void merge_mins(StateWord* part, std::uint64_t, const StateWord* other, std::uint64_t) {
  *part = word_of(std::min(real_of(*part), real_of(*other)));
}

std::size_t add_max(StateWord* part, std::uint64_t, Timestamp, double value) {
  add_to_max(*part, value);
  return 0;
}
void merge_maxes(StateWord* part, std::uint64_t, const StateWord* other, std::uint64_t) {
  *part = word_of(std::max(real_of(*part), real_of(*other)));
}

std::size_t add_first(StateWord* part, std::uint64_t count, Timestamp event_time, double value) {
  add_to_first(part, count, event_time, value);
  return 0;
}
void merge_firsts(StateWord* part, std::uint64_t, const StateWord* other, std::uint64_t) {
  if (time_of(other[0]) < time_of(part[0])) std::copy_n(other, 2, part);
}
std::size_t add_last(StateWord* part, std::uint64_t count, Timestamp event_time, double value) {
  add_to_last(part, count, event_time, value);
  return 0;
}
void merge_lasts(StateWord* part, std::uint64_t, const StateWord* other, std::uint64_t) {
  if (time_of(other[0]) >= time_of(part[0])) std::copy_n(other, 2, part);
}

// part: origin, mean less origin, sum of squared deviations. The origin is the first value: values that are large
// but differ little keep all their digits.
std::size_t add_moments(StateWord* part, std::uint64_t count, Timestamp, double value) {
  if (count == 1) part[0] = word_of(value);
  const double shifted = value - real_of(part[0]);
  const double delta = shifted - real_of(part[1]);
  const double mean = real_of(part[1]) + delta / static_cast<double>(count);
  part[1] = word_of(mean);
  part[2] = word_of(real_of(part[2]) + delta * (shifted - mean));
  return 0;
}
void merge_moments(StateWord* part, std::uint64_t count, const StateWord* other, std::uint64_t other_count) {
  const double n = static_cast<double>(count), m = static_cast<double>(other_count);
  const double delta = (real_of(other[0]) - real_of(part[0])) + (real_of(other[1]) - real_of(part[1]));
  part[1] = word_of(real_of(part[1]) + delta * (m / (n + m)));
  part[2] = word_of(real_of(part[2]) + real_of(other[2]) + delta * delta * (n * (m / (n + m))));
}

// Of panes, the earlier one has what was carried into both.
void keep_earlier(StateWord*, std::uint64_t, const StateWord*, std::uint64_t) {}

// What the word of a part points to; made when the first reading needs it.
template <typename Owned>
Owned& need(StateWord& part) {
  if (part == 0) part = reinterpret_cast<std::uintptr_t>(new Owned);
  return *part_at<Owned>(part);
}

// As `need`, and what that took.
template <typename Owned, typename Add>
std::size_t add_to_owned(StateWord& part, Add&& add) {
  if (part != 0) [[likely]]
    return add(*part_at<Owned>(part));
  return heap_block(sizeof(Owned)) + add(need<Owned>(part));
}

template <typename Owned>
std::size_t growth_of(StateWord part, double value) {
  return part == 0 ? heap_block(sizeof(Owned)) + Owned().growth(value) : part_at<Owned>(part)->growth(value);
}

template <typename Owned>
constexpr StatePartKind owning(std::size_t (*add)(StateWord*, std::uint64_t, Timestamp, double)) {
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
      .owned_bytes = [](StateWord part) -> std::size_t {
        return part == 0 ? 0 : heap_block(sizeof(Owned)) + part_at<Owned>(part)->owned_bytes();
      },
      .growth = growth_of<Owned>,
      .largest_growth = Owned::largest_growth(),
      .save = [](StateWord part, ByteWriter& out) { part_at<Owned>(part)->save(out); },
      .load = [](StateWord& part, ByteReader& in) { return need<Owned>(part).load(in); },
  };
}

std::size_t add_to_sketch(StateWord* part, std::uint64_t, Timestamp, double value) {
  return add_to_owned<QuantileSketch>(*part, [&](QuantileSketch& sketch) { return sketch.add(value); });
}
std::size_t add_to_distinct(StateWord* part, std::uint64_t, Timestamp, double value) {
  return add_to_owned<DistinctCounter>(*part, [&](DistinctCounter& counter) { return counter.add(value); });
}
std::size_t add_to_points(StateWord* part, std::uint64_t, Timestamp event_time, double value) {
  return add_to_owned<PointList>(*part, [&](PointList& points) { return points.add(event_time, value); });
}

constexpr std::array<StatePartKind, state_part_count> kinds = {{
    {.words = 2, .add = add_sum, .merge = merge_sums},
    {.words = 1, .initial = word_of(infinity), .add = add_min, .merge = merge_mins},
    {.words = 1, .initial = word_of(-infinity), .add = add_max, .merge = merge_maxes},
    {.words = 2, .add = add_first, .merge = merge_firsts},
    {.words = 2, .add = add_last, .merge = merge_lasts},
    {.words = 3, .add = add_moments, .merge = merge_moments},
    {.words = 2, .initial = word_of(CounterTrack::none), .add = nullptr, .merge = keep_earlier},
    {.words = 4, .initial = word_of(CounterTrack::none), .add = nullptr, .merge = keep_earlier},
    owning<QuantileSketch>(add_to_sketch),
    owning<DistinctCounter>(add_to_distinct),
    owning<PointList>(add_to_points),
}};

}  // namespace

void add_to_sum(StateWord* part, double value) noexcept {
  if (is_larger_sum(part, value)) return add_to_larger_sum(part, value);
  const double sum = real_of(part[0]);
  if (!is_scaled(part) && std::abs(value) < huge_value) {
    const double total = sum + value;
    part[0] = word_of(total);
    part[1] = word_of(real_of(part[1]) + ((value - total) + sum));
    return;
  }
  if (!is_scaled(part)) scale(part);
  add_scaled(part, value / sum_scale);
}

double scaled_sum(const StateWord* part) noexcept {
  return real_of(part[1]) + scaled_compensation(part);
}

const StatePartKind& kind_of(StatePart part) noexcept {
  return kinds[index_of(part)];
}

}  // namespace edgetide
