// One `[windows.NAME]`: which readings it takes, for which keys, their windows, and which rows are emitted.
//
// When the configuration is changed, the definition that was there finishes the windows it holds, as the `former` one
// of the new definition, which takes those that start later (handover.h). Both emit rows of this name, with the columns
// of the new one.
//
// Owns:   everything the definition keeps: keys, windows, the idle parts of watermarks, group watermarks.
// Thread: one owner at a time. Fails: never.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "pipeline/aggregate.h"
#include "pipeline/bytes.h"
#include "pipeline/counters.h"
#include "pipeline/derived_metrics.h"
#include "pipeline/duplicate_filter.h"
#include "pipeline/emission.h"
#include "pipeline/empty_windows.h"
#include "pipeline/handover.h"
#include "pipeline/key_map.h"
#include "pipeline/options.h"
#include "pipeline/running_windows.h"
#include "pipeline/series.h"
#include "pipeline/session_windows.h"
#include "pipeline/sliding_windows.h"
#include "pipeline/tumbling_windows.h"
#include "pipeline/watermark.h"

namespace edgetide {

// A reading on its way into a definition.
struct Incoming {
  SeriesId series;
  SourceId source;
  WatermarkScope scope;
  Timestamp event_time;
  double value;
  Timestamp watermark;  // of that scope, without the idle part
};

// What a definition learns of a series at a tick.
struct SeriesClock {
  SourceId source;
  WatermarkScope scope;
  bool idle;
  Timestamp watermark;  // of that scope, without the idle part
  Timestamp own;        // its newest event time less max_out_of_orderness
  Timestamp clock;      // of an idle series: its own watermark and the listening time since; else earliest()
};

// And of a source, or of all sources.
struct SourceClock {
  bool silent;      // heard once, all its series idle now
  Timestamp clock;  // its own watermark and the listening time since
};

struct Clocks {
  std::span<const SeriesClock> series;
  std::span<const SourceClock> sources;
  SourceClock all;
  bool by_minimum;    // some source has a scope other than sensor
  Timestamp too_old;  // readings before it are refused; earliest(): none are
};

// Rows that were emitted since the start. They are no part of a snapshot.
struct RowsEmitted {
  std::array<std::uint64_t, 4> by_state{};  // by RowState
  std::uint64_t early = 0;                  // of a window that was open
  std::uint64_t on_time = 0;                // the first row after its end
  std::uint64_t late = 0;                   // corrections of that one

  void add(const RowsEmitted& other) noexcept {
    for (std::size_t i = 0; i < by_state.size(); ++i) by_state[i] += other.by_state[i];
    early += other.early;
    on_time += other.on_time;
    late += other.late;
  }
};

class WindowDefinition {
 public:
  WindowDefinition(const WindowOptions& options, std::size_t sources, std::uint64_t hash_seed = 0);

  const std::string& name() const noexcept { return options_.name; }
  const WindowOptions& options() const noexcept { return options_; }
  bool grouped() const noexcept { return keys_.grouped(); }
  // It has to know of every reading that is accepted, not only of those it takes.
  bool follows_others() const noexcept {
    return grouped() || !derived_.empty() || (former_ && former_->follows_others());
  }

  // ---- in place of another definition
  static constexpr std::uint8_t max_former = 16;  // beyond it the oldest is forgotten with its windows

  WindowDefinition* former() const noexcept { return former_.get(); }
  // `former` takes everything until `take_over`. Requires: it is not a running one, and knows the same series.
  void follow(std::unique_ptr<WindowDefinition> former);
  bool waits() const noexcept { return waits_; }
  // From now on takes the windows that start after those that the former one holds. `clocks`: by series.
  void take_over(std::span<const SeriesClock> clocks, Timestamp now);
  // A running definition without a past: says in its rows that it counts from then on.
  void begin_running(Timestamp now);

  void add_series(SeriesId id, const Series& series);
  void skip_series(SeriesId id);  // no series has it at present
  const DerivedMetrics& derived() const noexcept { return derived_; }
  void add_derived_input(SeriesId input, std::string_view metric, std::size_t derived, SeriesId target) {
    derived_.add_input(input, metric, derived, target);
  }
  template <typename Reached>
  void hear_derived_input(SeriesId series, Reached&& reached) {
    derived_.hear_input(series, reached);
  }
  // A series that has windows here, or is computed here, may not be forgotten.
  bool keeps(SeriesId id) const;
  // Adds to `orphans` the series that were computed from this one, and are not computed any more.
  void forget_series(SeriesId id, std::vector<SeriesId>& orphans);

  // Requires: the series was added. ReadingOutcome::not_taken: the definition does not take it.
  [[gnu::always_inline]] ReadingOutcome admit(SeriesId series, SourceId source, WatermarkScope scope,
                                              Timestamp event_time, double value, Timestamp watermark) {
    if (plain_ != nullptr && scope == WatermarkScope::sensor) [[likely]] {
      return plain_->admit(key_of(series), event_time, value, std::max(watermark, idle_[index_of(series)]));
    }
    if (plain_sliding_ != nullptr && scope == WatermarkScope::sensor) {
      return plain_sliding_->admit(key_of(series), event_time, value, std::max(watermark, idle_[index_of(series)]));
    }
    return admit_any({series, source, scope, event_time, value, watermark});
  }

  // Group watermarks, after the series' own has moved. `taken`: the definition takes readings of that source.
  void observe(SeriesId series, const SeriesWatermark& own, Heard heard, bool taken);
  void become_idle(SeriesId series);
  void raise(Timestamp to) noexcept;
  void hear_at_most(SourceId source, Duration at) noexcept;

  // The idle rule, at a tick. `silence` is the listening time since a group was last heard.
  template <typename Silence>
  void follow_clocks(const Clocks& clocks, Silence&& silence);

  bool due(Duration running) const noexcept;
  // At most about `max_rows` leave: of what is due the oldest windows. It is `due` again at the next tick if there is
  // more.
  void fire(WindowId id, Duration running, const Clocks& clocks, std::span<const std::uint32_t> series_ranks,
            std::size_t max_rows, Emission& out);
  // It was due, and there was no room for its rows.
  void postpone() noexcept { has_more_ = true; }
  bool has_more() const noexcept { return has_more_; }

  // Without the rows of derived metrics and of empty windows. `clock_of`: of a series, as at a tick.
  RowsDue rows_due(const std::function<SeriesClock(SeriesId)>& clock_of) const;

  // `former`: as in the row.
  std::shared_ptr<const Series> key(KeyId key, const SeriesTable& table, std::uint8_t former = 0) const;
  // Requires: not grouped.
  Timestamp reached(SeriesId series, const SeriesClock& clock) const noexcept;
  // Before the series moves to another source: its watermark does not go back, even if that source is behind.
  void keep_reached(SeriesId series, const SeriesClock& clock) noexcept {
    if (former_) former_->keep_reached(series, clock);
    if (!grouped()) idle_[index_of(series)] = std::max(idle_[index_of(series)], reached(series, clock));
  }

  std::size_t open_windows() const noexcept;  // with those of former definitions
  // What groups and derived metrics own, and what states gave back, is as of `measure`, which walks them.
  std::size_t memory_bytes() const noexcept;
  void measure() noexcept;
  // A reading would take memory that was not taken yet: for a window, a state that grows, or to be known again.
  bool needs_room(const Incoming& reading) const noexcept;

  // ---- to be looked at
  std::size_t key_count() const noexcept { return keys_.size(); }
  // Empty: it does not take the series.
  std::span<const KeyId> keys_of(SeriesId series) const noexcept { return keys_.keys_of(series); }
  // Requires: grouped.
  Timestamp group_watermark(KeyId key) const noexcept {
    return std::max(groups_[index_of(key)].value(), idle_[index_of(key)]);
  }
  bool group_active(KeyId key) const noexcept { return groups_[index_of(key)].active(); }
  const Series& group(KeyId key) const noexcept { return *keys_.group(key); }
  const RowsEmitted& rows_emitted() const noexcept { return rows_emitted_; }
  // Calls visit(key, start, end) for windows with readings, in no order, some repeatedly, until it is false.
  template <typename Visit>
  void view_windows(Visit&& visit) const {
    std::visit([&](const auto& windows) { windows.view_windows(visit); }, windows_);
    if (former_ && !grouped() && !former_->grouped()) former_->view_windows(visit);
  }

  // Everything that decides what the state means; a state with another one cannot be taken over.
  std::string fingerprint() const;
  // The definition and its state, as one text.
  void save(ByteWriter& out) const;
  // Of what `save` wrote, behind the definition. Requires: the series were added.
  // `sources`: by source of the snapshot its place now.
  struct Restored {
    const SeriesTable& series;
    const std::vector<SourceId>& sources;
    std::size_t source_count;  // now
    std::uint64_t hash_seed;
    const DefinitionMakers& makers;
    std::function<Timestamp(SeriesId)> own_watermark;
    std::function<void(WindowDefinition&)> enter_series;  // adds all of them to a definition that is new
  };
  void load(ByteReader& in, const Restored& restored);
  // As it was saved, whatever the configuration says now. Null: it cannot be made any more.
  static std::unique_ptr<WindowDefinition> load_former(ByteReader& in, const Restored& restored);

 private:
  using Windows = std::variant<TumblingWindows, SlidingWindows, SessionWindows, RunningWindows>;

  void choose_fast_path();
  std::size_t own_windows() const noexcept;
  bool is_limited() const noexcept { return since_.has_value() || until_.has_value(); }
  std::optional<ReadingOutcome> outcome_outside(const Incoming& reading, KeyId key) const;
  void hold_back_outside();
  void emit_for(const WindowDefinition& present, std::uint8_t depth);
  void forget_what_is_past(Timestamp too_old);
  bool is_finished(Timestamp too_old) const noexcept;
  Timestamp taken_until(KeyId key, Timestamp reached) const;
  Handover taken(std::span<const SeriesClock> clocks, bool together) const;
  Timestamp start_behind(const WindowDefinition& former, Timestamp time) const;
  Timestamp start_from(Timestamp time) const;
  Duration longest() const noexcept;
  void save_handover(ByteWriter& out) const;
  void load_handover(ByteReader& in, const Restored& restored);

  void make_places(SeriesId id);
  void take_out_groups();
  [[gnu::noinline]] ReadingOutcome admit_any(const Incoming& reading);
  bool takes_value(double value) const noexcept;
  [[gnu::always_inline]] inline ReadingOutcome admit_own(const Incoming& reading);
  [[gnu::noinline]] ReadingOutcome admit_in_handover(const Incoming& reading);
  ReadingOutcome admit_key(KeyId key, const Incoming& reading, Timestamp reached);
  bool is_duplicate(const Incoming& reading, std::span<const KeyId> keys);
  Timestamp reached_by(const Incoming& reading, KeyId key) const noexcept;
  Timestamp newest_final_at(KeyId key) const;
  void follow_series_clocks(const Clocks& clocks);
  void follow_minimum_clocks(const Clocks& clocks);
  void note_reached(const Clocks& clocks);
  void collect(const Clocks& clocks, std::span<const std::uint32_t> ranks, std::size_t max_rows);
  void collect_empty(const FiringContext& firing, const Clocks& clocks);
  void postpone_beyond(std::size_t max_rows);
  void order_and_cut();
  void cut_to_top();
  template <typename Kind>
  void emit(Kind& windows, WindowId id, const Candidate& row, Emission& out);
  RowMark* mark_of(const Candidate& row);
  double value_of(const Candidate& row, const Aggregate& aggregate) const;
  void count_row(const RowMark* mark, const Candidate& row) noexcept;
  void finish();
  void forget_duplicates();
  void save_groups(ByteWriter& out) const;
  void load_groups(ByteReader& in, const Restored& restored);

  const WindowOptions options_;
  std::vector<std::optional<Aggregate>> columns_;  // of its rows; none: it does not compute that one
  std::optional<std::size_t> count_place_;         // of `count` among the columns
  const AggregateLayout layout_;
  KeyMap keys_;
  Windows windows_;
  // windows_, if they are of that kind and take every reading by series, as it is. A std::visit instead takes a quarter
  // more instructions for a reading.
  TumblingWindows* plain_ = nullptr;
  SlidingWindows* plain_sliding_ = nullptr;

  std::vector<Timestamp> idle_;                     // by key: the idle part of its watermark
  std::vector<Timestamp> source_idle_;              // by source, for scope source
  Timestamp all_idle_ = Timestamp::earliest();      // for scope global
  std::vector<MinimumWatermark<MemberId>> groups_;  // by key, if grouped
  std::vector<bool> members_;                       // by series, if grouped: it has been heard here

  std::unique_ptr<WindowDefinition> former_;
  std::optional<Handover> since_;  // takes only windows that start then or later
  std::optional<Handover> until_;  // and only those that start before
  bool in_handover_ = false;       // has one of these
  bool waits_ = false;             // takes none yet
  std::uint8_t depth_ = 0;         // how many definitions came after it

  DuplicateFilter duplicates_;
  std::optional<EmptyWindows> empty_;
  DerivedMetrics derived_;
  Duration fired_at_ = Duration::microseconds(-1);  // running time of the last firing; negative: never
  bool has_more_ = false;                           // rows were due then and did not leave
  std::size_t measured_bytes_ = 0;

  RowsEmitted rows_emitted_;

  // Of one firing; kept for their buffers.
  std::vector<Timestamp> reached_;  // by key
  std::vector<Candidate> rows_;
};

template <typename Silence>
void WindowDefinition::follow_clocks(const Clocks& clocks, Silence&& silence) {
  if (former_) former_->follow_clocks(clocks, silence);
  if (!grouped()) {
    follow_series_clocks(clocks);
    if (clocks.by_minimum) follow_minimum_clocks(clocks);
    return;
  }
  for (std::uint32_t i = 0; i < groups_.size(); ++i) {
    MinimumWatermark<MemberId>& watermark = groups_[i];
    watermark.settle();
    if (!watermark.silent()) continue;
    const Timestamp newest = newest_final_at(KeyId{i});
    idle_[i] = std::max(idle_[i], idle_watermark(watermark.own(), silence(watermark.heard()), newest));
  }
}

}  // namespace edgetide
