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
#include <iterator>
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
#include "pipeline/evicted_keys.h"
#include "pipeline/handover.h"
#include "pipeline/key_map.h"
#include "pipeline/late_rows.h"
#include "pipeline/options.h"
#include "pipeline/row_labels.h"
#include "pipeline/series.h"
#include "pipeline/watermark.h"
#include "pipeline/window_kinds.h"

namespace edgetide {

// A reading on its way into a definition.
struct Incoming {
  SeriesId series;  // the variant: with the labels of the reading
  SourceId source;
  WatermarkScope scope;
  Timestamp event_time;
  double value;
  Timestamp watermark;       // of that scope, without the idle part
  SeriesId origin;           // of the series (series.h)
  Timestamp own;             // watermark of the series
  std::uint32_t labels = 0;  // SeriesTable::label_mark
};

// What a definition learns of a series at a tick.
struct SeriesClock {
  SourceId source;
  WatermarkScope scope;
  bool idle;
  Timestamp watermark;  // of that scope, without the idle part
  Timestamp own;        // its newest event time less max_out_of_orderness
  Timestamp passed;     // by event times: up to here windows are missed when all input has ended
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
  std::array<std::uint64_t, std::size(emitted_states)> by_state{};  // by RowState
  std::uint64_t early = 0;                                          // of a window that was open
  std::uint64_t on_time = 0;                                        // the first row after its end
  std::uint64_t late = 0;                                           // corrections of that one

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
  const WindowTraits& traits() const noexcept { return traits_; }
  bool grouped() const noexcept { return keys_.grouped(); }
  // It has to know of every reading that is accepted, not only of those it takes.
  bool follows_others() const noexcept {
    return grouped() || !derived_.empty() || (former_ && former_->follows_others());
  }

  // ---- in place of another definition
  static constexpr std::uint8_t max_former = 16;  // beyond it the oldest is forgotten with its windows

  WindowDefinition* former() const noexcept { return former_.get(); }
  // `former` takes everything until `take_over`. Requires: it knows the same series.
  void follow(std::unique_ptr<WindowDefinition> former);
  bool waits() const noexcept { return waits_; }
  // From now on takes the windows that start after those that the former one holds. `clocks`: by series.
  void take_over(std::span<const SeriesClock> clocks, Timestamp now);
  // An endless definition without a past: says in its rows that it counts from then on.
  void begin_endless(Timestamp now);

  void add_series(SeriesId id, const Series& series, SeriesId origin);
  void skip_series(SeriesId id);  // no series has it at present
  const DerivedMetrics& derived() const noexcept { return derived_; }
  void add_derived_input(SeriesId input, std::string_view metric, std::size_t derived, SeriesId target) {
    derived_.add_input(input, metric, derived, target);
  }
  template <typename Reached>
  void hear_derived_input(SeriesId series, Reached&& reached) {
    derived_.hear_input(series, reached);
  }
  // Of a series that is evicted: an event time, `newest` or later, in or behind the newest window that is final for it.
  Timestamp newest_settled(SeriesId id, Timestamp newest) const;
  // It returns: the windows that an event time up to that one may be in are final.
  void recall(SeriesId id, Timestamp newest);
  // A series that has windows here, or is computed here, may not be forgotten.
  bool keeps(SeriesId id) const;
  // Adds to `orphans` the series that were computed from this one, and are not computed any more.
  void forget_series(SeriesId id, const SeriesTable& table, std::vector<SeriesId>& orphans);

  // Of a source whose scope is sensor. Requires: the series was added, and is not a variant.
  // ReadingOutcome::unmatched: the definition does not take it.
  [[gnu::always_inline]] ReadingOutcome admit(SeriesId series, SourceId source, Timestamp event_time, double value,
                                              Timestamp watermark) {
    if (!is_plain_) [[unlikely]]
      return admit_any({series, source, WatermarkScope::sensor, event_time, value, watermark, series, watermark});
    return admit_plain(key_of(series), event_time, value, std::max(watermark, idle_[index_of(series)]));
  }
  // The same of any scope, and for a variant.
  [[gnu::noinline]] ReadingOutcome admit_any(const Incoming& reading);
  // Of a reading that was admitted, where its series has variants.
  void note_labels(const Incoming& reading);
  // The series has its first variant; its newest reading until now was that one.
  void begin_labels(SeriesId origin, Timestamp newest);

  // Group watermarks, after the series' own has moved. `taken`: the definition takes readings of that source.
  void observe(SeriesId series, const SeriesWatermark& own, Heard heard, bool taken);
  void become_idle(SeriesId series);
  void raise(Timestamp to) noexcept;
  // Watermarks of groups do not move while a source that the definition takes is awaited.
  void set_held(bool held) noexcept;
  void hear_at_most(SourceId source, Duration at) noexcept;

  // The idle rule, at a tick. `silence` is the listening time since a group was last heard.
  template <typename Silence>
  void follow_clocks(const Clocks& clocks, Silence&& silence);

  bool due(Duration running) const noexcept;
  // At most about `max_rows` leave: of what is due the oldest windows. It is `due` again at the next tick if there is
  // more.
  // `series_ranks`: of `table`.
  void fire(WindowId id, Duration running, const Clocks& clocks, const SeriesTable& table,
            std::span<const std::uint32_t> series_ranks, std::size_t max_rows, Emission& out);
  // It was due, and there was no room for its rows.
  void postpone() noexcept { has_more_ = true; }
  bool has_more() const noexcept { return has_more_; }

  // Without the rows of derived metrics and of empty windows. `clock_of`: of a series, as at a tick.
  RowsDue rows_due(const std::function<SeriesClock(SeriesId)>& clock_of) const;

  // Of a row that has not the labels of a variant.
  std::shared_ptr<const Series> names_of(const Row& row, const SeriesTable& table) const;
  // Requires: not grouped.
  Timestamp reached(SeriesId series, const SeriesClock& clock) const noexcept;
  // Before the series moves to another source: its watermark does not go back, even if that source is behind.
  void keep_reached(SeriesId series, const SeriesClock& clock) noexcept {
    if (former_) former_->keep_reached(series, clock);
    if (!grouped()) idle_[index_of(series)] = std::max(idle_[index_of(series)], reached(series, clock));
  }

  std::size_t open_windows() const noexcept;  // with those of former definitions
  // What states gave back is as of `measure`, which walks them.
  std::size_t memory_bytes() const noexcept;
  // Gives back what is not needed any more.
  void measure();

  // ---- what may come to it. Of all that follows: with former definitions.
  // What firings take for the windows that are there.
  std::size_t reserved_bytes() const noexcept;
  // What a reading would take at most: for a window, for a state that grows, or to be known again. 0: it needs nothing
  // that is not there. `has_variants`: its series has.
  std::size_t growth(const Incoming& reading, bool has_variants);
  // Whatever the reading; and how much more by a step of what grows in steps.
  std::size_t largest_growth() const noexcept;
  std::size_t largest_step() const noexcept;
  std::size_t bytes_by_key() const noexcept;  // that a series takes, about
  // What a series that is not known yet takes at most for its groups.
  std::size_t growth_of_groups(const Series& series) const noexcept;

  // ---- readings that came too late: late_rows.h. `reached(key)`: its watermark
  LateOutcome late_outcome(const Reading& reading, const std::function<Timestamp(KeyId)>& reached) const;
  // `late`: by event time, ties by arrival. Requires: `late_refusal` refuses nothing.
  AddedRows late_rows(WindowId id, std::span<const Reading> late, const SeriesTable& table) const;

  // ---- to be looked at
  std::size_t key_count() const noexcept { return keys_.size(); }
  // It takes the series, with some of the labels that were seen of it.
  bool takes(SeriesId origin, const SeriesTable& table) const {
    bool any = false;
    table.for_each_variant(origin, [&](SeriesId variant) { any = any || !keys_of(variant).empty(); });
    return any;
  }
  // Empty: it does not take the series with those labels.
  std::span<const KeyId> keys_of(SeriesId series) const noexcept { return keys_.keys_of(series); }
  // Requires: grouped.
  Timestamp group_watermark(KeyId key) const noexcept {
    if (ranked_) return std::max({ranked_->value(), all_idle_, idle_[index_of(key)]});
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
    std::function<Timestamp(SeriesId)> own_watermark;     // of the origin of a variant
    std::function<void(WindowDefinition&)> enter_series;  // adds all of them to a definition that is new
  };
  void load(ByteReader& in, const Restored& restored);
  // After `load`: what was saved had this `top`. If it is another one now, the next firing ranks all rows again.
  void change_top(const std::optional<TopOptions>& saved);
  // As it was saved, whatever the configuration says now. Null: it cannot be made any more.
  static std::unique_ptr<WindowDefinition> load_former(ByteReader& in, const Restored& restored);

 private:
  static constexpr std::size_t bytes_of_member = 32;  // of a group, at most, unless the group doubles

  void choose_fast_path();
  std::size_t own_windows() const noexcept;
  std::size_t windows_with_rows() const noexcept;
  std::size_t reserved_for_derived() const noexcept;
  bool is_limited() const noexcept { return since_.has_value() || until_.has_value(); }
  // Of a reading, by all definitions.
  struct Judged {
    ReadingOutcome outcome = ReadingOutcome::unmatched;
    bool alone = false;  // it is in windows that do not overlap: later definitions do not take it
  };
  Judged judge(const Incoming& reading);
  std::optional<ReadingOutcome> outcome_outside(const Incoming& reading, std::span<const KeyId> keys) const;
  bool is_behind_end(const Incoming& reading, KeyId key) const;
  void begin_behind(std::span<const SeriesClock> clocks);
  void hand_over_from_former();
  void limit_rows();
  void carry_from_former();
  void emit_for(const WindowDefinition& present, std::uint8_t depth);
  void forget_what_is_past(Timestamp too_old);
  void settle_before_handover() noexcept;
  void settle_windows(KeyId key, Timestamp last_reading) noexcept;
  bool is_finished(Timestamp too_old) const noexcept;
  Timestamp taken_until(KeyId key, Timestamp reached) const;
  Handover counted(std::span<const SeriesClock> clocks, bool together) const;
  Handover taken(std::span<const SeriesClock> clocks, bool together) const;
  Timestamp start_behind(const WindowDefinition& former, Timestamp time) const;
  Timestamp start_from(Timestamp time) const;
  void save_handover(ByteWriter& out) const;
  void load_handover(ByteReader& in, const Restored& restored);

  void make_places(SeriesId id);
  void recall_groups(SeriesId id);
  [[gnu::noinline]] void join_groups(const Incoming& reading);
  void settle(KeyId key, Timestamp reached);
  void take_out_groups();
  bool takes_value(double value) const noexcept;
  [[gnu::always_inline]] inline ReadingOutcome admit_own(const Incoming& reading);
  // To the kind that it is, each of which has its fast path in `admit`. Not by std::visit: that takes a quarter more
  // instructions for a reading.
  template <std::size_t kind = 0>
  [[gnu::always_inline]] ReadingOutcome admit_plain(KeyId key, Timestamp event_time, double value, Timestamp reached) {
    if constexpr (kind + 1 < std::variant_size_v<Windows>) {
      if (windows_.index() != kind) return admit_plain<kind + 1>(key, event_time, value, reached);
    }
    return std::get_if<kind>(&windows_)->admit(key, event_time, value, reached);
  }
  ReadingOutcome admit_key(KeyId key, const Incoming& reading, Timestamp reached);
  bool is_duplicate(const Incoming& reading, std::span<const KeyId> keys);
  bool is_late(KeyId key, Timestamp event_time, Timestamp reached) const;
  Timestamp idle_of(WatermarkScope scope, SourceId source) const noexcept;
  Timestamp reached_by(const Incoming& reading, KeyId key) const noexcept;
  Timestamp newest_final_at(KeyId key) const;
  void follow_series_clocks(const Clocks& clocks);
  void follow_minimum_clocks(const Clocks& clocks);
  void follow_ranked_clock(Duration silence);
  void note_reached(const Clocks& clocks);
  void collect(const Clocks& clocks, std::span<const std::uint32_t> ranks, std::size_t max_rows);
  void collect_empty(const FiringContext& firing, const Clocks& clocks);
  bool postpone_beyond(std::size_t max_rows);
  void order_and_cut();
  void collect_for_ranking(FiringContext& firing);
  void rank_and_cut();
  void announce_ranking(std::span<Candidate> rows);
  void retract_fallen(WindowId id, const Candidate& row, RowMark& mark, Emission& out);
  template <typename Kind>
  void emit(Kind& windows, WindowId id, const Candidate& row, Emission& out);
  RowMark* mark_of(const Candidate& row);
  double value_of(const Candidate& row, const Aggregate& aggregate) const;
  double filled(const Candidate& row, const Aggregate& aggregate) const;
  double add_sketch(const Candidate& row, Emission& out) const;
  // Requires: a row of a window, not retracted.
  const AggregateLayout::Word* state_of(const Candidate& row) const;
  void count_row(const RowMark* mark, const Candidate& row) noexcept;
  SeriesId labels_of(const Candidate& row) const;
  SeriesId labels_before(const Candidate& row) const;
  void keep_labels(const Candidate& row);
  static SeriesId variant_of(KeyId key, const RowLabels::Newest& newest);
  RowLabels::Newest newest_in(KeyId key, AggregateSpan window, const AggregateLayout::Word* state) const;
  RowLabels::Newest newest_of(const Candidate& row) const;
  void settle_labels(KeyId key, const Incoming& reading);
  void finish();
  void forget_duplicates(const SeriesTable& table);
  bool has_labels(const Incoming& reading) const;
  void forget_labels();
  void save_groups(ByteWriter& out) const;
  void load_groups(ByteReader& in, const Restored& restored);
  void load_members(ByteReader& in, const Restored& restored);
  void load_ranked(ByteReader& in, const Restored& restored);

  const WindowOptions options_;
  const WindowTraits& traits_;
  std::vector<std::optional<Aggregate>> columns_;  // of its rows; none: it does not compute that one
  bool emits_all_ = true;                          // they are its own aggregates, and numbers
  std::optional<std::size_t> count_place_;         // of `count` among the columns
  const AggregateLayout layout_;
  KeyMap keys_;
  Windows windows_;
  bool is_plain_ = false;  // takes every reading by series, as it is

  std::vector<Timestamp> idle_;                       // by key: the idle part of its watermark
  std::vector<Timestamp> source_idle_;                // by source, for scope source
  Timestamp all_idle_ = Timestamp::earliest();        // for scope global, or of `ranked_`
  std::vector<MinimumWatermark<MemberId>> groups_;    // by key, if grouped
  std::optional<MinimumWatermark<SeriesId>> ranked_;  // with `top`, of all groups: a ranking is final as a whole
  std::vector<bool> members_;                         // by series, if grouped: it has been heard here
  bool held_ = false;                                 // set_held
  EvictedKeys evicted_groups_{max_evicted_groups};    // that were dropped, what they had reached

  std::unique_ptr<WindowDefinition> former_;
  std::optional<Handover> since_;   // takes only windows that start then or later
  std::optional<Handover> until_;   // and only those that start before
  WindowKind next_kind_{};          // of the definition that takes those
  std::optional<Timestamp> begun_;  // of a running one that started again: since when it counts
  bool in_handover_ = false;        // has one of these
  bool waits_ = false;              // takes none yet
  std::uint8_t depth_ = 0;          // how many definitions came after it

  RowLabels row_labels_;
  DuplicateFilter duplicates_;
  std::optional<EmptyWindows> empty_;
  DerivedMetrics derived_;
  Duration fired_at_ = Duration::microseconds(-1);  // running time of the last firing; negative: never
  bool has_more_ = false;                           // rows were due then and did not leave
  std::size_t shown_windows_ = 0;                   // whose rows derived metrics have seen
  std::size_t measured_bytes_ = 0;
  std::size_t largest_group_bytes_ = 0;

  RowsEmitted rows_emitted_;

  // Of one firing; kept for their buffers.
  std::vector<Timestamp> reached_;        // by key
  std::vector<Timestamp> ranked_starts_;  // of windows that are ranked
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
  if (ranked_) {
    ranked_->settle();
    if (ranked_->silent()) follow_ranked_clock(silence(ranked_->heard()));
  }
  for (std::uint32_t i = 0; !ranked_ && i < groups_.size(); ++i) {
    MinimumWatermark<MemberId>& watermark = groups_[i];
    watermark.settle();
    if (!watermark.silent()) continue;
    const Timestamp newest = newest_final_at(KeyId{i});
    idle_[i] = std::max(idle_[i], idle_watermark(watermark.own(), silence(watermark.heard()), newest));
  }
}

}  // namespace edgetide
