#include "daemon/recovery/journal_syncer.h"

#include <algorithm>

#include "daemon/service/log.h"

namespace edgetide {

namespace {
constexpr Duration until_woken = Duration::hours(1);
}  // namespace

JournalSyncer::JournalSyncer(Intake& intake, const Clock& clock, Duration sync_interval)
    : intake_(intake), clock_(clock), sync_interval_(sync_interval), sync_at_(clock.now().running) {}

Duration JournalSyncer::step() {
  if (!sync_at_ || (!sync_fails_ && intake_.is_awaited())) sync_at_ = next_sync();
  if (sync_at_ && clock_.now().running >= *sync_at_) sync();
  return sync_at_ ? std::max(*sync_at_ - clock_.now().running, Duration()) : until_woken;
}

std::optional<Duration> JournalSyncer::next_sync() const {
  const Duration now = clock_.now().running;
  if (!sync_fails_ && intake_.is_awaited()) return now;
  if (sync_fails_ || intake_.is_unsafe()) return now + sync_interval_;
  return std::nullopt;
}

void JournalSyncer::sync() {
  const std::error_code error = intake_.sync();
  if (error && !sync_fails_) {
    log(LogLevel::error, {LogEvent::disk_failing}, "journal: what was written is not safe yet: " + error.message());
  }
  sync_fails_ = static_cast<bool>(error);
  if (error) ++failed_syncs_;
  sync_at_ = next_sync();
}

}  // namespace edgetide
