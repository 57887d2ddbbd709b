#include "pipeline/derived_metrics.h"

#include <algorithm>
#include <limits>

#include "pipeline/slot_bytes.h"

namespace edgetide {

namespace {

constexpr double nothing = std::numeric_limits<double>::quiet_NaN();

}  // namespace

bool DerivedMetrics::is_derived(std::string_view metric) const noexcept {
  return std::any_of(metrics_.begin(), metrics_.end(), [&](const DerivedMetric& d) { return d.metric == metric; });
}

bool DerivedMetrics::reads(std::size_t derived, std::string_view metric) const noexcept {
  const auto& inputs = metrics_[derived].inputs;
  return std::any_of(inputs.begin(), inputs.end(), [&](const auto& input) { return input.metric == metric; });
}

void DerivedMetrics::add_input(SeriesId series, std::string_view metric, std::size_t derived, SeriesId target) {
  if (uses_.size() <= index_of(series)) uses_.resize(index_of(series) + 1);
  const auto& inputs = metrics_[derived].inputs;
  const auto [entry, is_new] = targets_.try_emplace(target);
  std::vector<Target::Input>& sources = entry->second.inputs;
  sources.resize(inputs.size());
  if (is_new) owned_bytes_ += bytes_of_target(inputs.size());
  std::vector<Use>& uses = uses_[index_of(series)];
  owned_bytes_ -= heap_bytes(uses);
  for (std::uint32_t i = 0; i < inputs.size(); ++i) {
    if (inputs[i].metric != metric) continue;
    uses.push_back({static_cast<std::uint32_t>(derived), i, target});
    sources[i] = {series};
  }
  owned_bytes_ += heap_bytes(uses);
  most_uses_ = std::max(most_uses_, uses.size());
}

void DerivedMetrics::forget_input(SeriesId series, std::vector<SeriesId>& orphans) {
  if (index_of(series) >= uses_.size()) return;
  for (const Use& use : uses_[index_of(series)]) {
    const auto target = targets_.find(use.target);
    if (target == targets_.end()) continue;
    auto& inputs = target->second.inputs;
    inputs[use.input] = {};
    if (std::any_of(inputs.begin(), inputs.end(), [](const auto& input) { return input.series != no_series; }))
      continue;
    for (auto one = windows_.lower_bound({use.target, Timestamp::earliest()});
         one != windows_.end() && one->first.first == use.target;) {
      one = erase(one);
    }
    owned_bytes_ -= bytes_of_target(inputs.size());
    targets_.erase(target);
    orphans.push_back(use.target);
  }
  owned_bytes_ -= heap_bytes(uses_[index_of(series)]);
  uses_[index_of(series)] = {};
}

DerivedMetrics::WindowMap::iterator DerivedMetrics::erase(WindowMap::iterator window) {
  owned_bytes_ -= bytes_of_window(window->second.inputs.size());
  return windows_.erase(window);
}

void DerivedMetrics::forget_labels(SeriesId variant) {
  for (auto& [slot, window] : windows_) {
    for (Input& input : window.inputs) {
      if (input.newest.variant == variant) input.newest.variant = no_series;
    }
  }
}

void DerivedMetrics::see(const Candidate& row, const Use& use, const Input& input) {
  if (row.end + allowed_lateness_ <= targets_.at(use.target).over) return;
  const auto [entry, is_new] = windows_.try_emplace({use.target, row.start});
  Window& window = entry->second;
  if (is_new) {
    ++targets_[use.target].windows;
    window.inputs.resize(metrics_[use.derived].inputs.size());
    owned_bytes_ += bytes_of_window(window.inputs.size());
  }
  window.derived = use.derived;
  window.end = row.end;
  window.inputs[use.input] = input;
  window.touched = true;
  if (targets_[use.target].windows <= max_windows) return;
  const auto oldest = windows_.lower_bound({use.target, Timestamp::earliest()});
  if (oldest == entry) return;
  erase(oldest);
  --targets_[use.target].windows;
}

void DerivedMetrics::add_rows(const FiringContext& firing, std::vector<Candidate>& rows) {
  for (auto entry = windows_.begin(); entry != windows_.end();) {
    const auto& [target, start] = entry->first;
    Window& window = entry->second;
    const bool whole = std::all_of(window.inputs.begin(), window.inputs.end(), [](const Input& i) { return i.seen; });
    if (!whole && !can_complete(targets_.at(target), window, firing)) {
      --targets_[target].windows;
      entry = erase(entry);
      continue;
    }
    if (whole && (window.touched || firing.wants_unchanged(start))) {
      RowState state = RowState::final;
      for (const Input& input : window.inputs) state = std::min(state, input.state);
      rows.push_back({start, window.end, firing.ranks[index_of(target)], key_of(target), 0, state, window.touched,
                      Candidate::Of::derived});
    }
    window.touched = false;
    ++entry;
  }
}

// Every input that was not seen may still have its row. One that was never heard is waited for as long as another is
// not final: it would join no older window.
bool DerivedMetrics::can_complete(const Target& target, const Window& window, const FiringContext& firing) const {
  if (final_at(window) <= target.over) return false;
  bool any_open = false;
  bool all_heard = true;
  for (std::size_t i = 0; i < window.inputs.size(); ++i) {
    const Target::Input& input = target.inputs[i];
    const bool is_final = input.heard && firing.reached[index_of(input.series)] >= final_at(window);
    if (is_final && !window.inputs[i].seen) return false;
    all_heard = all_heard && input.heard;
    any_open = any_open || (input.heard && !is_final);
  }
  return all_heard || any_open;
}

double DerivedMetrics::value(const Candidate& row, const Aggregate& aggregate) const {
  const Window& window = windows_.at({series_of(row.key), row.start});
  if (aggregate == Aggregate::count) {
    double least = std::numeric_limits<double>::infinity();
    for (const Input& input : window.inputs) least = std::min(least, input.count);
    return least;
  }
  if (aggregate != Aggregate::avg) return nothing;
  std::vector<double> inputs;
  for (const Input& input : window.inputs) inputs.push_back(input.value);
  return metrics_[window.derived].formula->evaluate(inputs);
}

SeriesId DerivedMetrics::labels(const Candidate& row) const {
  const std::vector<Input>& inputs = windows_.at({series_of(row.key), row.start}).inputs;
  std::size_t newest = 0;
  for (std::size_t i = 1; i < inputs.size(); ++i) {
    if (inputs[i].newest.event_time > inputs[newest].newest.event_time) newest = i;
  }
  const SeriesId variant = inputs[newest].newest.variant;
  return variant != no_series ? variant : targets_.at(series_of(row.key)).inputs[newest].series;
}

void DerivedMetrics::finish(const std::vector<Candidate>& rows) {
  for (const Candidate& row : rows) {
    if (row.of != Candidate::Of::derived || row.state != RowState::final) continue;
    const auto window = windows_.find({series_of(row.key), row.start});
    if (window == windows_.end()) continue;
    --targets_[series_of(row.key)].windows;
    erase(window);
  }
}

std::size_t DerivedMetrics::bytes_of_input(std::size_t derived) const noexcept {
  return 2 * heap_block(sizeof(Use)) + bytes_of_target(metrics_[derived].inputs.size());
}

std::size_t DerivedMetrics::bytes_of_windows(std::size_t windows) const noexcept {
  return std::min(windows * most_uses_, targets_.size() * max_windows) * bytes_of_window(most_inputs_);
}

void DerivedMetrics::save(ByteWriter& out) const {
  out.u32(static_cast<std::uint32_t>(targets_.size()));
  for (const auto& [series, target] : targets_) {
    out.u32(index_of(series));
    out.time(target.over);
    out.u32(static_cast<std::uint32_t>(target.inputs.size()));
    for (const Target::Input& input : target.inputs) out.u8(input.heard ? 1 : 0);
  }
  out.u32(static_cast<std::uint32_t>(windows_.size()));
  for (const auto& [slot, window] : windows_) {
    out.u32(index_of(slot.first));
    out.time(slot.second);
    out.u32(window.derived);
    out.time(window.end);
    save_mark(out, window.mark);
    for (const Input& input : window.inputs) {
      out.u8(static_cast<std::uint8_t>(static_cast<unsigned>(input.state) << 1 | (input.seen ? 1U : 0U)));
      out.u64(std::bit_cast<std::uint64_t>(input.value));
      out.u64(std::bit_cast<std::uint64_t>(input.count));
      out.time(input.newest.event_time);
      out.u32(index_of(input.newest.variant));
    }
  }
}

void DerivedMetrics::load_targets(ByteReader& in) {
  const std::uint32_t count = in.u32();
  if (!in.has(count, 16)) return;
  for (std::uint32_t i = 0; i < count; ++i) {
    const auto target = targets_.find(SeriesId{in.u32()});
    const Timestamp over = in.time();
    const std::uint32_t inputs = in.u32();
    in.require(target != targets_.end() && inputs == target->second.inputs.size());
    if (!in.ok()) return;
    target->second.over = over;
    for (Target::Input& input : target->second.inputs) input.heard = in.u8() != 0;
  }
}

void DerivedMetrics::load(ByteReader& in, const SeriesTable& series) {
  load_targets(in);
  const std::uint32_t count = in.u32();
  if (!in.has(count, 24)) return;
  for (std::uint32_t i = 0; in.ok() && i < count; ++i) {
    const SeriesId target{in.u32()};
    const Timestamp start = in.time();
    Window window;
    window.derived = in.u32();
    window.end = in.time();
    window.mark = load_mark(in);
    in.require(window.derived < metrics_.size() && targets_.contains(target) && !windows_.contains({target, start}));
    if (!in.ok()) return;
    window.inputs.reserve(metrics_[window.derived].inputs.size());
    for (std::size_t input = 0; input < metrics_[window.derived].inputs.size(); ++input) {
      const std::uint8_t bits = in.u8();
      const double value = std::bit_cast<double>(in.u64());
      Input& loaded = window.inputs.emplace_back(
          Input{(bits & 1U) != 0, static_cast<RowState>((bits >> 1) & 3U), value, std::bit_cast<double>(in.u64())});
      loaded.newest.event_time = in.time();
      const SeriesId variant = loaded.newest.variant = SeriesId{in.u32()};
      in.require(variant == no_series || (index_of(variant) < series.size() && series.has(variant)));
    }
    ++targets_[target].windows;
    owned_bytes_ += bytes_of_window(window.inputs.size());
    windows_.emplace(std::pair(target, start), std::move(window));
  }
}

}  // namespace edgetide
