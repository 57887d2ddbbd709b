#include "daemon/intake/hearing.h"

#include <algorithm>
#include <utility>

namespace edgetide {

namespace {
constexpr Duration tick_tolerance = Duration::seconds(1);
}

std::vector<SourceId> Hearing::listen(bool listens) {
  std::vector<SourceId> changed;
  if (std::exchange(listens_, listens) == listens) return changed;
  for (std::uint32_t i = 0; i < connected_.size(); ++i) {
    if (connected_[i]) changed.push_back(SourceId{i});
  }
  return changed;
}

void Hearing::tick(Duration now, Duration every) noexcept {
  const Duration before = std::exchange(ticked_at_, now);
  if (every == Duration::unlimited() || now - before <= every + std::min(every, tick_tolerance)) return;
  for (SourceHearing& source : sources_) source.skip(before + every, now);
}

// Also of a batch that is being taken just now its source has been heard: its time is later.
void Hearing::look(Duration now, const SourceSlots& slots, const Pipeline& pipeline,
                   const std::map<SourceId, Liveness>& liveness) {
  bool some = false;
  unheard_.assign(slots.names().size(), Duration());
  for (std::uint32_t i = 0; i < unheard_.size(); ++i) {
    if (!pipeline.listening(SourceId{i})) continue;
    const SourceId id = slots.id_at(SourceId{i});
    const auto life = liveness.find(id);
    SourceHearing& source = sources_[index_of(id)];
    source.look(now, life == liveness.end() ? std::nullopt : std::optional(life->second));
    unheard_[i] = source.unheard(now);
    some = some || unheard_[i] > Duration();
  }
  if (!some) unheard_.clear();
}

}  // namespace edgetide
