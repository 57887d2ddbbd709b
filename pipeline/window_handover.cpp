// How one window definition takes the place of another: the former one finishes the windows it holds.
#include <algorithm>
#include <type_traits>
#include <utility>

#include "pipeline/definition_bytes.h"
#include "pipeline/window_definition.h"

namespace edgetide {

namespace {

constexpr int max_boundaries_tried = 100;
constexpr std::uint8_t has_since = 1, has_until = 2, has_former = 4, has_begun = 8;

}  // namespace

void WindowDefinition::follow(std::unique_ptr<WindowDefinition> former) {
  former_ = std::move(former);
  former_->emit_for(*this, 1);
  former_->until_ = since_ = Handover(Timestamp::latest());
  waits_ = true;
  choose_fast_path();
}

// Its rows have the columns of the present definition; those that it does not compute stay empty.
void WindowDefinition::emit_for(const WindowDefinition& present, std::uint8_t depth) {
  depth_ = depth;
  columns_.clear();
  emits_all_ = false;
  count_place_.reset();
  const std::vector<Aggregate>& own = options_.aggregates;
  for (const Aggregate& wanted : present.options_.aggregates) {
    const bool computed = std::find(own.begin(), own.end(), wanted) != own.end();
    if (computed && wanted == Aggregate::count) count_place_ = columns_.size();
    columns_.push_back(computed ? std::optional(wanted) : std::nullopt);
  }
  choose_fast_path();
  if (!former_) return;
  if (depth == max_former) return former_.reset();
  former_->emit_for(present, static_cast<std::uint8_t>(depth + 1));
}

void WindowDefinition::take_over(std::span<const SeriesClock> clocks, Timestamp now) {
  waits_ = false;
  begin_behind(clocks);
  hand_over_from_former();
  begin_endless(now);
  choose_fast_path();
}

void WindowDefinition::begin_behind(std::span<const SeriesClock> clocks) {
  if (traits_.endless && former_->traits_.endless) {
    since_ = former_->since_;  // no boundary is between them: the former one only emits what it has
    former_->until_ = Handover(Timestamp::earliest());
    return;
  }
  since_ = former_->taken(clocks, grouped());
  // One that has taken nothing yet, and has made nothing final, is left out.
  while (former_->former_ && former_->own_windows() == 0 && former_->since_ && former_->since_->is_same(*since_)) {
    former_ = std::exchange(former_->former_, nullptr);
  }
  since_->move([this](Timestamp time) { return start_behind(*former_, time); });
  former_->until_ = since_;
}

void WindowDefinition::hand_over_from_former() {
  former_->next_kind_ = options_.kind;
  former_->emit_for(*this, 1);
}

void WindowDefinition::begin_endless(Timestamp now) {
  if (!traits_.endless) return;
  begun_ = now;
  std::visit(
      [&](auto& windows) {
        if constexpr (requires { windows.begin(now); }) windows.begin(now);
      },
      windows_);
}

Timestamp WindowDefinition::start_from(Timestamp time) const {
  return std::visit([&](const auto& windows) { return windows.start_from(time); }, windows_);
}

// Where both have a start at the same time soon, no window overlaps with one of the other.
Timestamp WindowDefinition::start_behind(const WindowDefinition& former, Timestamp time) const {
  if (time == Timestamp::earliest()) return time;
  Timestamp start = start_from(time);
  for (int i = 0; i < max_boundaries_tried && former.start_from(start) != start; ++i) {
    start = start_from(former.start_from(start));
  }
  return former.start_from(start) == start ? start : start_from(time);
}

// What this one has begun, by series or of all.
Handover WindowDefinition::taken(std::span<const SeriesClock> clocks, bool together) const {
  if (traits_.endless) return counted(clocks, together || grouped());
  if (!together && !grouped()) {
    std::vector<Timestamp> by_series;
    for (std::uint32_t i = 0; i < clocks.size(); ++i) {
      by_series.push_back(taken_until(KeyId{i}, reached(SeriesId{i}, clocks[i])));
    }
    return Handover(std::move(by_series));
  }
  Timestamp latest = Timestamp::earliest();
  for (std::uint32_t i = 0; i < keys_.size(); ++i) {
    latest = std::max(latest,
                      taken_until(KeyId{i}, grouped() ? group_watermark(KeyId{i}) : reached(SeriesId{i}, clocks[i])));
  }
  return Handover(latest);
}

// By an endless one: up to the newest reading of each series.
Handover WindowDefinition::counted(std::span<const SeriesClock> clocks, bool together) const {
  std::vector<Timestamp> by_series;
  for (std::uint32_t i = 0; i < clocks.size(); ++i) {
    const Timestamp newest = clocks[i].passed;
    const Timestamp until = newest == Timestamp::earliest() ? newest : newest + Duration::microseconds(1);
    by_series.push_back(since_ ? std::max(until, since_->at(KeyId{i})) : until);
  }
  if (!together) return Handover(std::move(by_series));
  const Timestamp latest =
      by_series.empty() ? Timestamp::earliest() : *std::max_element(by_series.begin(), by_series.end());
  return Handover(since_ ? std::max(latest, since_->of_all()) : latest);
}

// The end of the newest window of the key that has readings or is final.
Timestamp WindowDefinition::taken_until(KeyId key, Timestamp reached) const {
  Timestamp until = std::max(reached, newest_final_at(key));
  if (until != Timestamp::earliest()) until = until - options_.allowed_lateness;
  return since_ ? std::max(until, since_->at(key)) : until;
}

// A former definition judges before this one. What a window of it takes is not counted again in another, but where
// windows overlap anyway: those that go on have all their readings, and so have those that follow.
WindowDefinition::Judged WindowDefinition::judge(const Incoming& reading) {
  if (grouped() && !members_[index_of(reading.series)]) join_groups(reading);
  const Judged before = former_ ? former_->judge(reading) : Judged();
  if (before.outcome != ReadingOutcome::unmatched && (before.alone || !traits_.aligned)) return before;
  const std::span<const KeyId> keys = keys_.keys_of(reading.series);
  const bool judged = is_limited() && !keys.empty() && takes_value(reading.value);
  const auto outside = judged ? outcome_outside(reading, keys) : std::nullopt;
  const ReadingOutcome own = outside ? *outside : admit_own(reading);
  return {std::min(before.outcome, own), own != ReadingOutcome::unmatched && !traits_.overlaps};
}

// Of a reading that no window of this definition takes.
std::optional<ReadingOutcome> WindowDefinition::outcome_outside(const Incoming& reading,
                                                                std::span<const KeyId> keys) const {
  const Timestamp last =
      std::visit([&](const auto& windows) { return windows.last_start(reading.event_time); }, windows_);
  if (since_ && !traits_.endless && last < since_->at(keys.front())) {
    return former_ ? ReadingOutcome::unmatched : ReadingOutcome::late_dropped;
  }
  const bool behind =
      until_ && std::any_of(keys.begin(), keys.end(), [&](KeyId key) { return is_behind_end(reading, key); });
  return behind ? std::optional(ReadingOutcome::unmatched) : std::nullopt;
}

// The next definition takes it. Windows that overlap and have begun before go on. So do windows that grow into others
// that do, but for a reading that may get a separate row: the start of that could be the start of another row.
bool WindowDefinition::is_behind_end(const Incoming& reading, KeyId key) const {
  const Timestamp end = until_->at(key);
  if (reading.event_time < end) return false;
  return std::visit(
      [&](const auto& windows) {
        if constexpr (std::decay_t<decltype(windows)>::traits.overlaps) {
          const Timestamp first = windows.first_start(reading.event_time);
          if ((since_ ? std::max(first, since_->at(key)) : first) >= end) return true;
          const bool shared = windows.last_start(reading.event_time) >= end;  // with windows that have no rows here
          const Timestamp last_end = windows.last_end(end - Duration::microseconds(1));
          return shared && last_end + options_.allowed_lateness <= reached_by(reading, key);
        }
        if constexpr (requires { windows.would_join(key, end, end, end); }) {
          return !traits_of(next_kind_).grows ||
                 !windows.would_join(key, reading.event_time, reached_by(reading, key), end);
        }
        return true;
      },
      windows_);
}

// The last readings that the former definition took before the windows of this one. Groups are other keys there.
void WindowDefinition::carry_from_former() {
  if (!former_ || !since_ || waits_ || grouped() || former_->grouped() || !layout_.keeps_last()) return;
  for (std::uint32_t i = 0; i < std::min(keys_.size(), former_->keys_.size()); ++i) {
    const KeyId key{i};
    const CarriedReading last =
        std::visit([&](const auto& windows) { return windows.last_before(key, since_->at(key)); }, former_->windows_);
    std::visit([&](auto& windows) { windows.offer_carried(key, last); }, windows_);
  }
}

// Windows that share panes with those that are taken, and empty ones, have no rows; one that the next definition cuts
// ends there.
void WindowDefinition::limit_rows() {
  if (!traits_.aligned) return;
  for (Candidate& row : rows_) {
    if (since_ && row.start < since_->at(row.key)) row.held_back = true;
    if (!until_) continue;
    if (row.start >= until_->at(row.key)) row.held_back = true;
    if (!traits_.overlaps && !row.held_back) row.end = std::min(row.end, until_->at(row.key));
  }
}

// As of the firing before, so that the rows of a former definition could be read meanwhile.
void WindowDefinition::forget_what_is_past(Timestamp too_old) {
  if (waits_) return;
  if (former_ && former_->is_finished(too_old)) {
    carry_from_former();
    if (grouped() && former_->grouped()) {
      evicted_groups_.adopt(former_->evicted_groups_, options_.allowed_lateness - former_->options_.allowed_lateness);
    }
    former_.reset();
  }
  // To an endless one nothing is late, but the one that follows it has to know what was final before it.
  const Duration margin = options_.allowed_lateness + traits_.longest(options_);
  if (since_ && !former_ && since_->is_past(traits_.endless ? std::vector<Timestamp>() : reached_, too_old, margin)) {
    settle_before_handover();
    since_.reset();
  }
  choose_fast_path();
}

// No reading before the handover joins a window that began after it.
void WindowDefinition::settle_before_handover() noexcept {
  for (std::uint32_t i = 0; i < keys_.size(); ++i) {
    settle_windows(KeyId{i}, since_->at(KeyId{i}) - Duration::microseconds(1));
  }
}

// An endless window goes when its last row has been emitted.
bool WindowDefinition::is_finished(Timestamp too_old) const noexcept {
  if (!until_->is_past(reached_, too_old, options_.allowed_lateness + traits_.longest(options_))) return false;
  const bool has_rows = std::visit(
      [](const auto& windows) {
        if constexpr (requires { windows.has_changes(); }) return windows.has_changes();
        return windows.open_windows() > 0;
      },
      windows_);
  return !has_rows && (!former_ || former_->open_windows() == 0);
}

void WindowDefinition::save_handover(ByteWriter& out) const {
  out.u8(static_cast<std::uint8_t>((since_ ? has_since : 0) | (until_ ? has_until : 0) | (former_ ? has_former : 0) |
                                   (begun_ ? has_begun : 0)));
  if (since_) since_->save(out);
  if (until_) until_->save(out);
  if (begun_) out.time(*begun_);
  if (former_) former_->save(out);
}

void WindowDefinition::load_handover(ByteReader& in, const Restored& restored) {
  const std::uint8_t bits = in.u8();
  if ((bits & has_since) != 0) since_ = Handover::load(in);
  if ((bits & has_until) != 0) until_ = Handover::load(in);
  if ((bits & has_begun) != 0) {
    begin_endless(in.time());
  } else if (since_ && traits_.endless) {  // as it was written before there was `begun`
    begin_endless(since_->of_all());
    since_.reset();
  }
  if ((bits & has_former) != 0) former_ = load_former(in, restored);
  if (former_) hand_over_from_former();
  choose_fast_path();
}

std::unique_ptr<WindowDefinition> WindowDefinition::load_former(ByteReader& in, const Restored& restored) {
  const std::string_view state = in.text();
  ByteReader state_in(state);
  ByteReader definition_in(state_in.text());
  const std::optional<WindowOptions> options = load_definition(definition_in, restored.makers);
  if (!options) return nullptr;
  auto former = std::make_unique<WindowDefinition>(*options, restored.source_count, restored.hash_seed);
  restored.enter_series(*former);
  former->load(state_in, restored);
  in.require(state_in.ok() && state_in.at_end());
  return former;
}

}  // namespace edgetide
