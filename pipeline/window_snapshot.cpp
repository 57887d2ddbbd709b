// The state of a window definition to bytes and back: the order of its parts, each of which saves and loads itself.
#include "pipeline/definition_bytes.h"
#include "pipeline/slot_bytes.h"
#include "pipeline/window_definition.h"

namespace edgetide {

std::string WindowDefinition::fingerprint() const {
  std::string bytes;
  ByteWriter out(bytes);
  out.u8(static_cast<std::uint8_t>(options_.kind));
  for (const Duration duration :
       {options_.size, options_.slide, options_.gap, options_.max_length, options_.offset, options_.allowed_lateness}) {
    out.duration(duration);
  }
  out.text(options_.time_zone ? options_.time_zone->name() : "");
  for (const std::string& column : options_.group_by) out.text(column);
  out.u8(static_cast<std::uint8_t>((options_.cube ? 1 : 0) | (options_.deduplicate ? 2 : 0) |
                                   (options_.emit_empty ? 4 : 0) | (options_.one_group ? 8 : 0)));
  for (const Aggregate& aggregate : options_.aggregates) out.text(name_of(aggregate));
  out.u8(static_cast<std::uint8_t>(options_.fill));
  out.duration(options_.hold);
  out.u64(std::bit_cast<std::uint64_t>(options_.reset_below));
  for (const DerivedMetric& derived : options_.derived) {
    out.text(derived.metric);
    out.text(derived.formula ? derived.formula->text() : "");
    for (const auto& input : derived.inputs) out.text(input.metric + '.' + name_of(input.aggregate));
  }
  return bytes;
}

void WindowDefinition::save(ByteWriter& out) const {
  const std::size_t begin = out.begin_text();
  const std::size_t definition = out.begin_text();
  save_definition(out, options_);
  out.end_text(definition);
  out.duration(fired_at_);
  out.u8(has_more_ ? 1 : 0);
  if (grouped()) {
    save_groups(out);
    evicted_groups_.save(out);
  }
  save_times(out, idle_);
  out.u32(static_cast<std::uint32_t>(source_idle_.size()));
  for (const Timestamp time : source_idle_) out.time(time);
  out.time(all_idle_);
  if (grouped()) out.u8(ranked_ ? 1 : 0);
  if (ranked_) ranked_->save(out);
  std::visit([&](const auto& windows) { windows.save(out); }, windows_);
  row_labels_.save(out);
  duplicates_.save(out);
  if (empty_) empty_->save(out);
  derived_.save(out);
  save_handover(out);
  out.end_text(begin);
}

void WindowDefinition::load(ByteReader& in, const Restored& restored) {
  fired_at_ = in.duration();
  has_more_ = in.u8() != 0;
  if (grouped()) {
    load_groups(in, restored);
    evicted_groups_.load(in);
  }
  load_times(in, idle_);
  const std::uint32_t sources = in.u32();
  if (!in.has(sources, 8)) return;
  for (std::uint32_t i = 0; i < sources; ++i) {
    const Timestamp idle = in.time();
    const SourceId place = place_of(restored.sources, SourceId{i});
    if (index_of(place) < source_idle_.size()) source_idle_[index_of(place)] = idle;
  }
  all_idle_ = in.time();
  if (grouped()) load_ranked(in, restored);
  std::visit([&](auto& windows) { windows.load(in); }, windows_);
  row_labels_.load(in, restored.series);
  duplicates_.load(in, restored.series.size());
  if (empty_) empty_->load(in);
  derived_.load(in, restored.series);
  shown_windows_ = windows_with_rows();
  load_handover(in, restored);
}

void WindowDefinition::change_top(const std::optional<TopOptions>& saved) {
  if (saved == options_.top) return;
  std::visit([&](auto& windows) { windows.rank_again(!saved); }, windows_);
}

// Groups with their watermarks, and which series are active in them.
void WindowDefinition::save_groups(ByteWriter& out) const {
  keys_.save(out);
  for (const MinimumWatermark<MemberId>& group : groups_) group.save(out);
  const std::size_t series = keys_.series_count();
  out.u32(static_cast<std::uint32_t>(series));
  for (std::uint32_t i = 0; i < series; ++i) {
    bool active = false;
    keys_.for_each_membership(SeriesId{i},
                              [&](KeyId key, MemberId member) { active = groups_[index_of(key)].is_active(member); });
    out.u8(static_cast<std::uint8_t>((members_[i] ? 1 : 0) | (active ? 2 : 0)));
  }
}

void WindowDefinition::load_groups(ByteReader& in, const Restored& restored) {
  keys_.load(in);
  groups_.clear();
  members_.clear();
  idle_.clear();
  const auto groups = static_cast<std::uint32_t>(keys_.size());
  for (std::uint32_t i = 0; in.ok() && i < restored.series.size(); ++i) {
    keys_.skip_series(SeriesId{i});
    if (restored.series.has(SeriesId{i})) {
      keys_.add_series(SeriesId{i}, restored.series[SeriesId{i}], restored.series.origin_of(SeriesId{i}), false);
    }
  }
  members_.resize(restored.series.size());
  if (!in.ok()) return;
  std::visit([&](auto& windows) { windows.reserve_keys(keys_.size()); }, windows_);
  groups_.resize(keys_.size());
  idle_.resize(keys_.size(), Timestamp::earliest());
  for (std::uint32_t i = 0; i < groups; ++i) {  // what another definition is the first to compute may have more
    groups_[i].load(in);
    groups_[i].hear_from(place_of(restored.sources, groups_[i].heard().source));
  }
  load_members(in, restored);
}

void WindowDefinition::load_members(ByteReader& in, const Restored& restored) {
  const std::uint32_t series = in.u32();
  if (!in.has(series, 1)) return;
  in.require(series <= members_.size());
  for (std::uint32_t i = 0; in.ok() && i < series; ++i) {
    const std::uint8_t bits = in.u8();
    members_[i] = (bits & 1U) != 0;
    if ((bits & 2U) == 0) continue;
    if (ranked_) ranked_->restore_member(SeriesId{i}, restored.own_watermark(SeriesId{i}));
    keys_.for_each_membership(SeriesId{i}, [&](KeyId key, MemberId member) {
      groups_[index_of(key)].restore_member(member, restored.own_watermark(SeriesId{i}));
    });
  }
}

// Where `top` has come or gone since, no group goes back.
void WindowDefinition::load_ranked(ByteReader& in, const Restored& restored) {
  const bool was_ranked = in.u8() != 0;
  if (ranked_ && was_ranked) {
    ranked_->load(in);
    return ranked_->hear_from(place_of(restored.sources, ranked_->heard().source));
  }
  MinimumWatermark<SeriesId> saved;
  if (was_ranked) saved.load(in);
  for (std::uint32_t i = 0; i < groups_.size(); ++i) {
    if (was_ranked) idle_[i] = std::max({idle_[i], saved.of_members(), all_idle_});
    if (!ranked_) continue;
    idle_[i] = std::max(idle_[i], groups_[i].of_members());
    ranked_->adopt(groups_[i]);
  }
  if (was_ranked) all_idle_ = Timestamp::earliest();
}

}  // namespace edgetide
