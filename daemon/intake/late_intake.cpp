// Readings of the quarantine that are added to rows: the part of the intake that `edgetide quarantine apply` asks for.
//
// The readings that one window gets are in one record of the journal, with the tick whose epoch has their rows. So they
// are added if that record is, and then exactly once: a recovery makes the same rows in the same epoch, which a store
// takes once, and marks the same readings (DURABILITY.md, "late readings are added").
#include <algorithm>
#include <span>
#include <utility>

#include "daemon/intake/intake.h"
#include "daemon/service/log.h"
#include "daemon/service/quantity.h"
#include "daemon/storage/quarantine.h"
#include "pipeline/late_rows.h"

namespace edgetide {

namespace {

constexpr std::size_t max_rows_added = 10'000;  // of an epoch

std::string reason_of(LateOutcome outcome) {
  switch (outcome) {
    case LateOutcome::not_final:
      return "its window is not final";
    case LateOutcome::row_waits:
      return "the final row of its window was not emitted yet; try again after the next trigger";
    case LateOutcome::changed:
      return "its window was that of a former definition";
    case LateOutcome::adds:
    case LateOutcome::unmatched:
      break;
  }
  return {};
}

}  // namespace

LateAddition Intake::add_late(std::span<const LateReading> late, std::uint64_t oldest_number) {
  const MutexLock lock(mutex_);
  LateAddition done;
  const Moment now = clock_.now();
  note_delivered();
  done.error = late_refused_because(now.running);
  if (!done.error.empty()) return done;
  late_.forget_before(oldest_number);
  std::vector<PutBack> readings = known_of(late, done);
  for (std::uint32_t i = 0; i < pipeline_.options().windows.size() && done.error.empty(); ++i) {
    add_late(WindowId{i}, readings, now, done);
  }
  NumberRanges settled;
  for (const PutBack& reading : readings) {
    if (!reading.is_taken) ++done.refused["no window takes it"];
    if (!reading.is_taken || reading.stays || !done.error.empty()) continue;
    settled.add(reading.number);
    ++done.settled;
  }
  settled_late_.add(settled);
  settle_late(now);
  return done;
}

// Not before a power cut can no longer take the record that has them: it would take the readings with it.
void Intake::settle_late(Moment now) {
  if (settled_late_.empty() || !journal_.safety().is_safe()) return;
  quarantine_->settle(std::exchange(settled_late_, {}), now);
}

// Empty: readings can be added.
std::string Intake::late_refused_because(Duration running) const {
  if (closed_) return "the gateway stops";
  if (quarantine_ == nullptr) return "there is no quarantine";
  if (!journal_.is_kept()) return "durability is \"none\": without a journal a crash would add readings twice";
  if (!clock_set_) return "the clock is not set";
  return hold_reason(running);
}

std::vector<Intake::PutBack> Intake::known_of(std::span<const LateReading> late, LateAddition& done) const {
  std::vector<PutBack> known;
  const std::vector<std::string>& names = slots_.names();
  for (const LateReading& each : late) {
    const auto source = std::find(names.begin(), names.end(), each.reading.source);
    const std::optional<SeriesId> series = pipeline_.series().find(each.reading.series);
    if (source == names.end()) {
      ++done.refused["its source is not configured any more"];
    } else if (!series) {
      ++done.refused["its sensor is not known any more"];
    } else {
      known.push_back({each.number,
                       SourceId{static_cast<std::uint32_t>(source - names.begin())},
                       each.reading.arrival,
                       {*series, each.reading.event_time, each.reading.value}});
    }
  }
  return known;
}

void Intake::add_late(WindowId id, std::span<PutBack> readings, Moment now, LateAddition& done) {
  const WindowOptions& window = pipeline_.options().windows[index_of(id)];
  std::string refusal = late_refusal(window).value_or("");
  if (refusal.empty() && !routes_.adds_to(id)) refusal = "no SQL sink takes it";
  LateNumbers chosen{id, {}, {}};
  const auto fire = [&]() REQUIRES(mutex_) {
    if (chosen.numbers.empty()) return;
    if (!fire_windows(Fire::due, now, &chosen)) {
      done.error = journal_.write_error();
      return;
    }
    done.windows[window.name].readings += chosen.numbers.size();
    done.windows[window.name].rows += emission_.added.rows.size();
    chosen = {id, {}, {}};
  };
  const std::size_t most = std::max<std::size_t>(max_rows_added / late_rows_of_reading(window), 1);
  for (PutBack& reading : readings) {
    const bool is_there = late_.has(window.name, reading.number);
    const LateOutcome outcome =
        is_there ? LateOutcome::adds : pipeline_.late_outcome(id, reading.source, reading.reading);
    if (outcome == LateOutcome::unmatched) continue;
    reading.is_taken = true;
    if (is_there) continue;
    const bool changed = late_.came_for_another(window.name, reading.arrival);
    std::string reason = !refusal.empty() ? refusal : reason_of(changed ? LateOutcome::changed : outcome);
    if (reason.empty() && late_.full()) reason = "too many are added here and there; add those beside them too";
    if (!reason.empty()) {
      ++done.windows[window.name].refused[reason];
      reading.stays = true;
      continue;
    }
    chosen.numbers.push_back(reading.number);
    chosen.readings.push_back(reading.reading);
    if (chosen.numbers.size() >= most) fire();
    if (!done.error.empty()) return;
  }
  fire();
}

}  // namespace edgetide
