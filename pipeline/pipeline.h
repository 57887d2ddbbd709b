// The only interface to the core: readings and ticks in, rows out. A deterministic state machine: the same inputs give
// the same rows, byte for byte. No I/O, no clock, no thread, no log; time is an argument.
//
// Inputs, in the order they happen: series, batches, connections of sources, punctuated watermarks, ticks.
// Owns:    all state: series, watermarks, windows, counters. `snapshot` and `restore` turn it into bytes and back.
// Thread:  one owner at a time (the intake lock).
// Fails:   never by exception but std::bad_alloc; a reading is refused with a reason and counted; `restore` says why.
// Cost:    `apply` allocates only when a new window or series is born.
// What is computed: pipeline/SEMANTICS.md.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "pipeline/counters.h"
#include "pipeline/emission.h"
#include "pipeline/enum_word.h"
#include "pipeline/evicted_keys.h"
#include "pipeline/options.h"
#include "pipeline/rate_limit.h"
#include "pipeline/reading.h"
#include "pipeline/series.h"
#include "pipeline/watermark.h"
#include "pipeline/window_definition.h"

namespace edgetide {

struct SnapshotHead;

// Readings that arrived together, from one source.
struct Batch {
  SourceId source;
  std::optional<Moment> arrival;  // none: no clock is known yet (replay), and times are not judged
  std::span<const Reading> readings;
};

// A reading that entered no window: what a quarantine keeps.
struct Quarantined {
  Reading reading;
  enum class Reason : std::uint8_t { late_dropped, too_early, too_old } reason;  // the numbers stand in records
};
inline constexpr EnumWord<Quarantined::Reason> quarantined_reason_words[] = {
    {Quarantined::Reason::late_dropped, "late_dropped"},
    {Quarantined::Reason::too_early, "too_early"},
    {Quarantined::Reason::too_old, "too_old"}};
constexpr std::string_view name_of(Quarantined::Reason reason) noexcept {
  return word_of(quarantined_reason_words, reason);
}

enum class Fire : std::uint8_t {
  due,  // the windows whose trigger is due
  all,  // every window, as before a stop
};

// What there is to see of one series.
struct SeriesView {
  SeriesId id;
  SourceId source;      // that heard it last, or had nothing but bad times of it
  Timestamp newest;     // event time; earliest(): only bad ones arrived
  Timestamp watermark;  // by the scope of its source, without what idleness raised it to in a window
  Duration silence;     // listening time since the newest arrival
  bool idle;
  double value;                   // of the newest arrival; NaN: none since the start
  std::optional<Duration> ahead;  // of that one, event time less arrival
  std::uint32_t late_accepted;
  std::uint32_t late_dropped;
  std::uint32_t bad_time;
  // Of the newest arrival with a bad time; none since the start.
  std::optional<Duration> bad_time_silence;  // listening time since
  std::optional<Duration> bad_time_ahead;    // event time less arrival, where it could be read
};

// How a source goes on that was connected when a snapshot was taken.
enum class Connections : std::uint8_t {
  end,    // it is disconnected: a daemon starts
  go_on,  // it still is: the inputs that followed the snapshot will follow again
};

class Pipeline {
 public:
  explicit Pipeline(PipelineOptions options);

  // A series, or a variant, that `series().find` did not find, for a reading of `source`. Nothing when a limit is
  // reached; the reading is then counted as refused.
  std::optional<SeriesId> add_series(Series series, SourceId source = SourceId{0});
  // The same, but nothing is counted: the reason instead. The sensors of `coming` readings, which are about to be
  // applied, keep their series: no other series is given the id of one of them.
  std::variant<SeriesId, Refusal> try_add_series(Series series, SourceId source, std::span<const Reading> coming = {});
  // As `add_series` did in an earlier run, as its journal says: no limit refuses it. `replaced` is the series that
  // was evicted to make room for it.
  SeriesId restore_series(Series series, SourceId source, std::optional<SeriesId> replaced);
  // Until the next tick no series is evicted for a new one: readings wait that have not been applied.
  void keep_series() noexcept { evictable_.clear(); }
  const SeriesTable& series() const noexcept { return series_; }
  // Readings of the source with these two are in one window by series: they are variants of one.
  bool counts_together(SourceId source, SeriesId a, SeriesId b) const noexcept;

  void apply(const Batch& batch);
  // Of the last `apply`: readings that were dropped as late, and those of a bad time where on_bad_time is quarantine.
  std::span<const Quarantined> quarantined() const noexcept { return quarantined_; }

  // Counts readings that were refused before they could be applied.
  void refuse(SourceId source, Refusal reason, std::uint64_t readings = 1) noexcept;

  // A source hears its sensors from `connected` to `disconnected`. Both may be repeated.
  void connected(SourceId source, Moment now) noexcept;
  void disconnected(SourceId source, Moment now) noexcept;
  // So long before the present it is not known that all was heard that was sent: silence is judged up to there, also by
  // `disconnected`. Until it is set again.
  void set_unheard(SourceId source, Duration unheard) noexcept {
    sources_[index_of(source)].listening.set_unheard(unheard);
  }

  // Raises every watermark, also those of series to come, to at least `to`.
  void raise_watermarks(Timestamp to) noexcept;

  // Ends an epoch: idle watermarks follow the clock, triggers fire, rows are appended to `out` (which is cleared),
  // about PipelineOptions::max_epoch_rows at most.
  void tick(Moment now, Fire fire, Emission& out);

  // Rows were due at the last tick that leave at the next.
  bool has_more_rows() const noexcept;

  // Sensor, metric and labels of a row. The sensor of a group is written "column=value,...", "*" for the group of all.
  std::shared_ptr<const Series> key_of(const Row& row) const;

  // What a tick now would emit of each window, nearly: idle watermarks may follow the clock first.
  RowsDue rows_due(WindowId window) const {
    return windows_[index_of(window)]->rows_due([this](SeriesId series) { return clock_of(series); });
  }

  std::uint64_t epoch() const noexcept { return epoch_; }
  // The next tick ends `epoch`: those between are lost. Requires: it is not before that.
  void skip_to_epoch(std::uint64_t epoch) noexcept { epoch_ = epoch - 1; }
  std::optional<Moment> now() const noexcept { return now_; }
  const Counters& counters(SourceId source) const noexcept { return sources_[index_of(source)].counters; }
  Counters counters() const noexcept;
  // By series: its watermark, or what idleness raised it to in some window, whichever is later.
  std::vector<Timestamp> watermarks() const;
  std::size_t open_windows() const noexcept;
  std::size_t memory_bytes() const noexcept;  // of state; of what aggregates own as of the last tick
  std::size_t memory_bytes_noted() const noexcept { return memory_bytes_; }  // at the last tick, or since
  // That the next tick will take for the series and windows that are there; it counts towards the limit.
  std::size_t reserved_bytes() const noexcept;

  // ---- to be looked at
  const PipelineOptions& options() const noexcept { return options_; }
  const WindowDefinition& window(WindowId id) const noexcept { return *windows_[index_of(id)]; }
  bool listening(SourceId source) const noexcept { return sources_[index_of(source)].listening.listening(); }
  // Some watermark of several sources waits for the first reading of this one.
  bool is_awaited(SourceId source) const noexcept;
  // Why new series of the source were refused within the last minute; nothing: none was.
  std::optional<Refusal> refuses_series(SourceId source) const noexcept;
  const EvictedKeys& evicted() const noexcept { return evicted_; }
  // Nothing: the series was evicted, is computed, or nothing of it ever arrived.
  std::optional<SeriesView> view(SeriesId id) const noexcept;
  // The watermark of a key of a window: what closes its windows.
  Timestamp reached(WindowId window, KeyId key) const noexcept;

  // ---- readings that were dropped as late (late_rows.h); they change nothing here
  LateOutcome late_outcome(WindowId window, SourceId source, const Reading& reading) const;
  // The rows that they alone make, whatever the watermarks say. No rows where the window does not add late readings.
  AddedRows late_rows(WindowId window, std::span<const Reading> late) const;

  // The whole state. The same state gives the same bytes.
  std::string snapshot() const;
  // Replaces the state, whatever the limits say. What belongs to sources that are new starts empty. A window definition
  // that was changed goes on as it was, until `take_over_changed`; one that cannot is among the `forgotten_windows`.
  // The reason, if the bytes are no snapshot of a pipeline; the state is then that of a new pipeline.
  std::optional<std::string> restore(std::string_view snapshot, Connections connections = Connections::end);
  // Removed, or running ones that were changed: those start again, and the start of their rows says when.
  const std::vector<std::string>& forgotten_windows() const noexcept { return forgotten_windows_; }
  const std::vector<std::string>& changed_windows() const noexcept { return changed_windows_; }
  // The changed definitions take windows from now on: those that start after what the former ones hold.
  void take_over_changed();

 private:
  // So many are taken before memory is measured again, or fewer, where they could reach the limit. Where that would be
  // very few, each reading is asked what it takes.
  static constexpr std::size_t max_unmeasured = 4096;
  static constexpr std::size_t least_unmeasured = 16;

  struct SourceState {
    TimeOptions time;
    std::vector<WindowDefinition*> windows;  // those that take this source's readings
    ListeningClock listening;
    MinimumWatermark<SeriesId> minimum;  // over its series; kept only where some scope needs it
    SeriesWatermark stream;              // of all its readings; kept as `minimum` is
    bool is_awaited = false;             // minimums wait for its first reading
    Duration heard_at_tick;              // listening time at the last tick
    RateLimit new_series;
    std::optional<Refusal> series_refusal;  // the last one, at
    Duration series_refused_at;             // of running time; these are no part of a snapshot
    Counters counters;
  };
  struct SeriesState {
    SeriesWatermark watermark;
    Heard heard;  // the newest arrival; a variant (series.h) has no more than this
    std::uint32_t bad_time = 0;
    std::uint32_t late_accepted = 0;
    std::uint32_t late_dropped = 0;
    // Of the newest arrival; these are no part of a snapshot.
    double value = std::numeric_limits<double>::quiet_NaN();
    Duration ahead{};  // event time less arrival
  };
  // The newest arrival with a bad time. No part of a snapshot.
  struct BadTime {
    SourceId source;
    Duration heard_at;  // listening time of `source`
    std::optional<Duration> ahead;
  };
  // What holds for every reading of a batch.
  struct BatchRules {
    SourceState& source;
    Heard heard;
    Timestamp earliest;  // event times a reading may carry
    Timestamp latest;
    Timestamp arrival;
    bool has_arrival = false;
  };

  BatchRules rules_of(const Batch& batch) noexcept;
  template <bool rare>
  void apply(const BatchRules& rules, const Reading& reading);
  void apply_all(const BatchRules& rules, std::span<const Reading> readings);
  [[gnu::noinline]] void apply_in_parts(const BatchRules& rules, std::span<const Reading> readings);
  void apply_rare(const BatchRules& rules, std::span<const Reading> readings);
  std::optional<Timestamp> time_instead(const BatchRules& rules, const Reading& reading);
  [[gnu::noinline]] void take_other(const BatchRules& rules, const Reading& reading, Timestamp time,
                                    ReadingOutcome outcome);
  Timestamp watermark_of(const SeriesState& series, SourceId source) const noexcept;
  Timestamp watermark_by(WatermarkScope scope, const SeriesState& series, SourceId source) const noexcept;
  SeriesClock clock_of(SeriesId series) const noexcept;
  void await_sources();
  void release_sources();
  void enter_in_all(SourceId source);
  void hear_derived_inputs(SeriesId series);
  void keep_reached(SeriesId series) noexcept;
  static void count_refused(const BatchRules& rules, Refusal reason) noexcept;
  void note_newest(const BatchRules& rules, SeriesState& series, Timestamp time, double value) noexcept;
  void observe(const BatchRules& rules, SeriesState& series, Timestamp time) noexcept;
  void observe_in_full(const BatchRules& rules, SeriesId variant, SeriesId origin, Timestamp time);
  void note_variant(SeriesId variant, Heard heard) noexcept { states_[index_of(variant)].heard = heard; }
  void remember(Moment now) noexcept;
  void measure();
  void count_memory() noexcept;
  void note_memory() noexcept;
  struct ComputedGrowth {
    std::size_t series = 0;
    std::size_t bytes = 0;
  };
  ComputedGrowth growth_of_computed(const Series& series) const;
  std::size_t growth_of_series(const Series& series) const;
  // So many more do not fit into what is kept by series as it is.
  bool is_full(std::size_t more) const noexcept {
    return states_.size() + more - std::min(more, series_.removed().size()) > states_.capacity();
  }
  bool has_room(const BatchRules& rules, const Reading& reading, Timestamp time);
  void hear_at_most(SourceId source, Duration at) noexcept;
  Duration running() const noexcept { return now_ ? now_->running : Duration(); }
  std::optional<Refusal> find_room(const Series& series, SourceId source, std::span<const Reading> coming);
  SeriesId enter_series(SeriesId id, SourceId source);
  void begin_variants(SeriesId id);
  void skip_series(SeriesId id);
  void evict(SeriesId id);
  void forget_series(SeriesId id);
  void remember_evicted(SeriesId id);
  void recall_evicted(SeriesId id);
  std::variant<SeriesId, Refusal> try_add(Series series, SourceId source, std::span<const Reading> coming);
  void add_derived(SeriesId input);
  void add_derived(WindowDefinition& window, SeriesId input);
  bool may_evict(SeriesId id) const;
  std::optional<SeriesId> next_evictable(std::span<const Reading> coming);
  void find_evictable();
  bool is_idle(const SeriesState& series) const noexcept;
  bool was_idle(const SeriesState& series) const noexcept;
  bool is_silent(const SeriesState& series) const noexcept;
  bool was_silent(const SeriesState& series) const noexcept;
  Duration silence_since(const Heard& heard) const noexcept;
  void silence_idle_series();
  void read_clocks();
  Timestamp passed(const SeriesState& series) const noexcept;
  Timestamp newest_of(SeriesId series) const noexcept;
  Timestamp too_old() const noexcept;
  Clocks clocks() const noexcept { return {series_clocks_, source_clocks_, all_clock_, by_minimum_, too_old()}; }
  void reset();
  SnapshotHead snapshot_head() const;
  void save_series(ByteWriter& out) const;
  std::vector<SourceId> load_sources(ByteReader& in, const SnapshotHead& head, Connections connections,
                                     std::vector<WatermarkScope>& scopes);
  void keep_reached_by(const std::vector<WatermarkScope>& scopes) noexcept;
  void load_series(ByteReader& in, const std::vector<SourceId>& sources);
  void load_series_state(ByteReader& in, SeriesId id, const std::vector<SourceId>& sources);
  void load_variant(ByteReader& in, Series texts, std::uint32_t count, const std::vector<SourceId>& sources);
  bool is_variant_of(SeriesId id, SeriesId origin) const;
  void load_windows(ByteReader& in, const SnapshotHead& head, const std::vector<SourceId>& sources);
  void load_changed(ByteReader& in, WindowDefinition& changed, const WindowDefinition::Restored& restored);
  void enter_all_series(WindowDefinition& window);

  PipelineOptions options_;
  std::uint64_t epoch_ = 0;
  std::optional<Moment> now_;
  Timestamp floor_ = Timestamp::earliest();             // of every watermark
  Timestamp floor_before_end_ = Timestamp::earliest();  // without the end of all input
  SeriesTable series_;
  std::vector<SeriesState> states_;
  std::vector<SourceState> sources_;
  bool by_minimum_ = false;         // some source has a scope other than sensor
  bool others_follow_ = false;      // minimums, groups or derived metrics have to know of each reading
  MinimumWatermark<SourceId> all_;  // over sources
  std::vector<std::unique_ptr<WindowDefinition>> windows_;
  EvictedKeys evicted_;              // of series, their newest event time
  std::vector<SeriesId> evictable_;  // which may be evicted, as of the last tick; only while the table is full
  std::size_t memory_bytes_ = 0;     // as of a tick, or some readings later
  std::size_t claimed_bytes_ = 0;    // with what is reserved, and what readings since then took at most
  std::size_t measured_bytes_ = 0;   // claimed_bytes_ as of then
  bool is_near_limit_ = false;       // each reading has to be asked
  bool is_rare_ = false;             // that, some series has variants, or some source another scope than sensor
  std::size_t measure_in_ = 0;       // so many readings
  std::map<SeriesId, BadTime> bad_times_;
  std::vector<Quarantined> quarantined_;
  std::vector<std::string> forgotten_windows_;
  std::vector<std::string> changed_windows_;

  // Of one tick; kept for their buffers.
  std::vector<SeriesClock> series_clocks_;
  std::vector<SourceClock> source_clocks_;
  SourceClock all_clock_{};
};

}  // namespace edgetide
