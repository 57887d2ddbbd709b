#include "pipeline/tumbling_window.h"

namespace edgetide {

TumblingWindow::TumblingWindow(const WindowOptions& options)
    : name_(options.name),
      size_(options.size),
      offset_(options.offset),
      allowed_lateness_(options.allowed_lateness),
      trigger_(options.trigger),
      layout_(options.aggregates),
      store_(layout_.words()) {}

Timestamp TumblingWindow::start_of(Timestamp event_time) const noexcept {
  const Timestamp shifted = event_time - offset_;
  std::int64_t remainder = shifted.count() % size_.count();
  if (remainder < 0) remainder += size_.count();
  return (shifted - Duration::microseconds(remainder)) + offset_;
}

Fate TumblingWindow::admit_elsewhere(SeriesId series, Timestamp event_time, double value, Timestamp watermark) {
  const Timestamp start = start_of(event_time);
  if (start + size_ + allowed_lateness_ <= watermark) return Fate::late_dropped;
  return add(store_[find_or_create(series, tracks_[index_of(series)], start)], event_time, value, watermark);
}

std::uint32_t TumblingWindow::find_or_create(SeriesId series, Track& track, Timestamp start) {
  std::uint32_t slot = store_.find(series, start);
  if (slot != WindowStore::none) return slot;
  slot = store_.create(series, start);
  layout_.clear(store_.state(slot));
  if (track.newest == WindowStore::none || store_.header(track.newest).start < start) track.newest = slot;
  return slot;
}

RowState TumblingWindow::state_of(Timestamp start, Timestamp watermark) const noexcept {
  const Timestamp end = start + size_;
  if (watermark < end) return RowState::open;
  return watermark < end + allowed_lateness_ ? RowState::closed : RowState::final;
}

void TumblingWindow::follow_clock(SeriesId series, const SeriesWatermark& watermark, Duration max_out_of_orderness,
                                  Duration silence) noexcept {
  Track& track = tracks_[index_of(series)];
  if (track.newest == WindowStore::none) return;
  const Timestamp final_at = store_.header(track.newest).start + size_ + allowed_lateness_;
  track.idle = std::max(track.idle, idle_watermark(watermark.newest(), max_out_of_orderness, silence, final_at));
}

bool TumblingWindow::due(Duration running) const noexcept {
  if (fired_at_ < Duration()) return true;
  return running.count() / trigger_.count() > fired_at_.count() / trigger_.count();
}

void TumblingWindow::fire(WindowId id, Duration running, std::span<const Timestamp> watermarks,
                          std::span<const std::uint32_t> ranks, Emission& out) {
  fired_at_ = running;
  collect(watermarks, ranks);
  for (const Firing& firing : firings_) {
    const SeriesId series = store_.header(firing.slot).series;
    Track& track = tracks_[index_of(series)];
    emit(id, firing, std::max(watermarks[index_of(series)], track.idle), out);
    if (store_.header(firing.slot).state != static_cast<std::uint32_t>(RowState::final)) continue;
    if (track.newest == firing.slot) track.newest = WindowStore::none;  // all older windows are final too
    store_.erase(firing.slot);
  }
}

void TumblingWindow::collect(std::span<const Timestamp> watermarks, std::span<const std::uint32_t> ranks) {
  firings_.clear();
  store_.for_each([&](std::uint32_t slot) {
    const WindowStore::Header& header = store_.header(slot);
    const std::uint32_t series = index_of(header.series);
    const RowState state = state_of(header.start, std::max(watermarks[series], tracks_[series].idle));
    if (header.changed || header.state != static_cast<std::uint32_t>(state)) {
      firings_.push_back({header.start, ranks[series], slot});
    }
  });
  std::sort(firings_.begin(), firings_.end(),
            [](const Firing& a, const Firing& b) { return a.start != b.start ? a.start < b.start : a.rank < b.rank; });
}

void TumblingWindow::emit(WindowId id, const Firing& firing, Timestamp watermark, Emission& out) {
  WindowStore::Header& header = store_.header(firing.slot);
  const RowState state = state_of(header.start, watermark);
  header.changed = 0;
  header.state = static_cast<std::uint32_t>(state) & 3U;
  if (header.revision < WindowStore::revision_max) header.revision = (header.revision + 1) & WindowStore::revision_max;
  out.rows.push_back({id, KeyId{index_of(header.series)}, header.start, header.start + size_, state, true,
                      header.revision, static_cast<std::uint32_t>(out.values.size())});
  const WindowStore::Word* const words = store_.state(firing.slot);
  for (const Aggregate aggregate : layout_.aggregates()) out.values.push_back(layout_.value(words, aggregate));
}

}  // namespace edgetide
