// Metrics computed from others of the same sensor and window, e.g. power from voltage and current.
//
// At a firing it is shown every row of an input, and keeps what it says until the derived row is final. An input that
// is heard for the first time joins no window that is final for the inputs heard before: those are not waited for.
//
// Owns:   the inputs that were seen, by (derived series, start).
// Limit:  max_windows windows per derived series that wait for an input; the oldest goes.
// Thread: one owner at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "pipeline/bytes.h"
#include "pipeline/heap_bytes.h"
#include "pipeline/options.h"
#include "pipeline/row_labels.h"
#include "pipeline/window_row.h"

namespace edgetide {

class DerivedMetrics {
 public:
  static constexpr std::size_t max_windows = 1440;

  explicit DerivedMetrics(const WindowOptions& options)
      : metrics_(options.derived), allowed_lateness_(options.allowed_lateness) {
    for (const DerivedMetric& metric : metrics_) most_inputs_ = std::max(most_inputs_, metric.inputs.size());
  }

  bool empty() const noexcept { return metrics_.empty(); }
  const std::vector<DerivedMetric>& metrics() const noexcept { return metrics_; }
  bool is_derived(std::string_view metric) const noexcept;
  bool reads(std::size_t derived, std::string_view metric) const noexcept;

  // Calls visit(number) for the metrics that such a series is an input of; of what is derived here none is.
  template <typename Visit>
  void for_each_reading(std::string_view metric, Visit&& visit) const {
    if (metrics_.empty() || is_derived(metric)) return;
    for (std::size_t i = 0; i < metrics_.size(); ++i) {
      if (reads(i, metric)) visit(i);
    }
  }

  // `series` is an input of metric number `derived`, whose series for the same sensor is `target`.
  void add_input(SeriesId series, std::string_view metric, std::size_t derived, SeriesId target);

  // The first reading of a series. `reached(other)` is the watermark of another one now.
  template <typename Reached>
  void hear_input(SeriesId series, Reached&& reached) {
    if (index_of(series) >= uses_.size()) return;
    for (const Use& use : uses_[index_of(series)]) {
      Target& target = targets_.at(use.target);
      target.over = std::max(target.over, reached_by_all(target, series, reached));
      target.inputs[use.input].heard = true;
    }
  }

  // Adds to `orphans` the derived series that have no input left, and are not computed any more.
  void forget_input(SeriesId series, std::vector<SeriesId>& orphans);
  bool computes(SeriesId series) const { return targets_.contains(series); }

  // A variant is evicted.
  void forget_labels(SeriesId variant);

  // Adds the rows of derived series to `rows`, which holds those of their inputs.
  // value(row, aggregate) is an aggregate of a row, newest(row) its newest reading.
  template <typename Value, typename Newest>
  void collect(const FiringContext& firing, std::vector<Candidate>& rows, Value&& value, Newest&& newest) {
    const std::size_t inputs = rows.size();
    for (std::size_t i = 0; i < inputs; ++i) {
      const Candidate row = rows[i];
      if (row.of != Candidate::Of::window || row.held_back || index_of(row.key) >= uses_.size()) continue;
      if (!row.changed && !firing.complete) continue;
      for (const Use& use : uses_[index_of(row.key)]) {
        const Aggregate& aggregate = metrics_[use.derived].inputs[use.input].aggregate;
        see(row, use, {true, row.state, value(row, aggregate), value(row, Aggregate::count), newest(row)});
      }
    }
    add_rows(firing, rows);
  }

  RowMark& mark(const Candidate& row) { return windows_.at({series_of(row.key), row.start}).mark; }
  double value(const Candidate& row, const Aggregate& aggregate) const;
  // The input series, or a variant of it, whose newest reading in the window is the newest of all inputs.
  SeriesId labels(const Candidate& row) const;
  void finish(const std::vector<Candidate>& rows);

  std::size_t memory_bytes() const noexcept { return heap_bytes(uses_) + owned_bytes_; }
  // What an input of metric number `derived` takes beside its place, with the derived series if that is new here.
  std::size_t bytes_of_input(std::size_t derived) const noexcept;
  static constexpr std::size_t bytes_by_series = sizeof(std::vector<void*>);  // its place
  // What so many more windows of any series, or a window of this one, take at most when they are seen.
  std::size_t bytes_of_windows(std::size_t windows) const noexcept;
  std::size_t bytes_of_window_of(SeriesId series) const noexcept {
    return index_of(series) < uses_.size() ? uses_[index_of(series)].size() * bytes_of_window(most_inputs_) : 0;
  }
  void save(ByteWriter& out) const;
  void load(ByteReader& in, const SeriesTable& series);

 private:
  struct Use {
    std::uint32_t derived;
    std::uint32_t input;
    SeriesId target;
  };
  struct Input {
    bool seen = false;
    RowState state = RowState::open;
    double value = 0;
    double count = 0;
    RowLabels::Newest newest{Timestamp::earliest()};
  };
  struct Target {
    struct Input {
      SeriesId series = no_series;
      bool heard = false;
    };
    std::vector<Input> inputs;               // Requires: some series is known
    Timestamp over = Timestamp::earliest();  // windows that were final then wait for no input
    std::size_t windows = 0;
  };
  struct Window {
    std::uint32_t derived = 0;
    Timestamp end;
    bool touched = false;  // an input's row was emitted at this firing
    RowMark mark;
    std::vector<Input> inputs;
  };

  // The least that the inputs heard so far have reached, without `series`; earliest(): there are none.
  template <typename Reached>
  static Timestamp reached_by_all(const Target& target, SeriesId series, Reached&& reached) {
    Timestamp least = Timestamp::latest();
    bool any = false;
    for (const auto& input : target.inputs) {
      if (!input.heard || input.series == series) continue;
      least = std::min(least, reached(input.series));
      any = true;
    }
    return any ? least : Timestamp::earliest();
  }
  using WindowMap = std::map<std::pair<SeriesId, Timestamp>, Window>;  // by target and start

  WindowMap::iterator erase(WindowMap::iterator window);
  static std::size_t bytes_of_window(std::size_t inputs) noexcept {
    return map_entry_bytes<WindowMap::value_type>() + heap_block(inputs * sizeof(Input));
  }
  static std::size_t bytes_of_target(std::size_t inputs) noexcept {
    return map_entry_bytes<std::pair<const SeriesId, Target>>() + heap_block(inputs * sizeof(Target::Input));
  }
  Timestamp final_at(const Window& window) const noexcept { return window.end + allowed_lateness_; }
  void see(const Candidate& row, const Use& use, const Input& input);
  void add_rows(const FiringContext& firing, std::vector<Candidate>& rows);
  bool can_complete(const Target& target, const Window& window, const FiringContext& firing) const;
  void load_targets(ByteReader& in);

  std::vector<DerivedMetric> metrics_;
  Duration allowed_lateness_;
  std::vector<std::vector<Use>> uses_;  // by input series
  std::map<SeriesId, Target> targets_;
  WindowMap windows_;
  std::size_t owned_bytes_ = 0;  // of all of them; of the uses without their places
  std::size_t most_uses_ = 0;    // of a series, ever
  std::size_t most_inputs_ = 0;  // of a metric
};

}  // namespace edgetide
