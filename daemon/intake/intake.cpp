#include "daemon/intake/intake.h"

#include <algorithm>
#include <utility>

#include "daemon/decoders/label_difference.h"
#include "daemon/intake/event_time.h"
#include "daemon/service/log.h"
#include "daemon/storage/quarantine.h"
#include "daemon/storage/series_checksum.h"
#include "pipeline/options_bytes.h"

namespace edgetide {

namespace {

using Keep = IntakeJournal::Keep;

std::vector<LabelView> views_of(const std::vector<Label>& labels) {
  std::vector<LabelView> views;
  for (const Label& label : labels) views.push_back({label.key, label.value});
  return views;
}

}  // namespace

Intake::Intake(IntakeParts parts)
    : clock_(parts.clock),
      gate_(parts.gate),
      identity_(parts.identity),
      storage_wanted_(parts.on_storage_wanted),
      routes_(std::move(parts.routes)),
      edges_(std::move(parts.recovered.edges)),
      slots_(std::move(parts.sources)),
      pipeline_(parts.pipeline),
      quarantine_(parts.quarantine),
      journal_(parts.journal, parts.journal_options, std::move(parts.on_unsafe), std::move(parts.on_storage_wanted)),
      messages_(std::move(parts.recovered.sessions), std::move(parts.recovered.positions),
                std::move(parts.recovered.values)),
      held_(std::move(parts.recovered.held)),
      late_(std::move(parts.recovered.late)),
      history_(std::move(parts.recovered.history)),
      clock_set_(held_.empty() && clock_.is_set()),
      hearing_(slots_.ids(), clock_.now().running, clock_set_),
      traffic_(slots_.names().size()),
      batch_(std::move(parts.tables)) {
  const MutexLock lock(mutex_);
  edges_.keep(routes_.sinks());
  if (!clock_set_) pipeline_.keep_series();
  if (quarantine_ != nullptr) quarantine_->continue_behind(late_.newest());
  const bool has_run = !clock_set_ && pipeline_.now();  // the clock may say any time
  late_.know(pipeline_.options().windows, has_run ? pipeline_.now()->wall : clock_.now().wall);
  if (journal_.is_kept()) begin_run();
}

void Intake::begin_run() {
  const Moment now = clock_.now();
  const SeriesTable& series = pipeline_.series();
  const RunStart start{identity_.run,
                       identity_.state_id,
                       now,
                       slots_.names(),
                       static_cast<std::uint32_t>(series.size()),
                       series_checksum(series),
                       series_marks(series),
                       options_bytes(pipeline_.options()),
                       clock_.since_boot()};
  journal_.append_definition(JournalType::run, start);
  journal_.commit_or_wait(now.running);
}

// ---- readings

Acceptance Intake::hold_back(Duration running) {
  if (!blocking_) return {Acceptance::Answer::closed, 0};
  hold_notice_.begin(running);
  if (!std::exchange(has_held_back_, true)) storage_wanted_();
  return {Acceptance::Answer::held, 0};
}

Acceptance Intake::try_accept(SourceId id, const DecodedBatch& batch) noexcept {
  const MutexLock lock(mutex_);
  const std::optional<SourceId> slot = slots_.slot_of(id);
  if (closed_ || !slot) return {Acceptance::Answer::closed, 0};
  const SourceId source = *slot;
  const std::string& name = slots_.names()[index_of(source)];
  const Moment now = clock_.now();
  const Moment arrival{clock_set_ ? now.wall : time_not_known, now.running};
  if (is_held_back(arrival.running) || !has_room_for(batch.readings.size())) {
    if (!drops()) return hold_back(now.running);
    messages_.check(name, batch, arrival);
    refuse_all(source, batch);
    return journal_.taken();
  }
  messages_.check(name, batch, arrival);
  if (clock_set_ && !messages_.knows_some()) listen(true, arrival);
  batch_.gather(source, batch, arrival.wall, messages_, pipeline_, journal_);
  if (messages_.knows_some() && !messages_.has_news() && batch_.readings().empty() && batch_.refused().empty()) {
    messages_.note_resent();  // nothing but known messages needs no record
    count_messages(source, batch);
    return journal_.taken();
  }
  if (clock_set_) listen(true, arrival);
  // What a peer may send again is journaled before it is acknowledged, refused or not.
  const bool is_sent_once = messages_.fingerprints().empty() && messages_.newest().empty();
  if (journal_.is_kept() && batch_.readings().empty() && is_sent_once) {
    if (!take_refusals(source, batch, arrival)) return hold_back(now.running);
    hearing_.hear_batch(id, now.running);
    return journal_.taken();
  }
  const auto step = journal_.begin();
  journal_.append(JournalType::batch, JournaledBatch{source, arrival, messages_.fingerprints(), messages_.newest(),
                                                     batch_.readings(), batch_.refused(), messages_.new_values()});
  if (!journal_.end(step, arrival.running, Keep::power)) return hold_back(now.running);
  hearing_.hear_batch(id, now.running);
  apply(source, batch, arrival);
  journal_.ask_for_checkpoint();
  return journal_.taken();
}

void Intake::nothing_decoded(SourceId id, const DecodedBatch& batch) noexcept {
  const MutexLock lock(mutex_);
  const std::optional<SourceId> slot = slots_.slot_of(id);
  if (!slot) return;
  traffic_.count(*slot, batch);
  undecoded_.clear();
  for (const UndecodedMessage& message : batch.undecoded) {
    undecoded_.push_back({message.reason, message.topic, message.payload});
  }
  quarantine_messages(*slot);
}

bool Intake::offer_room() {
  {
    const MutexLock lock(mutex_);
    if (!has_held_back_) return false;
    const Duration running = clock_.now().running;
    note_delivered();
    check_room_again();
    hold_notice_.look(running, hold_reason(running));
    if (held_back(running)) return true;
    has_held_back_ = false;
  }
  listeners_.room_available();
  return false;
}

bool Intake::held_back(Duration running) const {
  return routes_.full() || firing_room_.is_full() || held_.full() || !journal_.ready(running);
}

// What a sink has confirmed makes room once it is journaled.
bool Intake::is_held_back(Duration running) {
  if (!held_back(running)) return false;
  note_delivered();
  return held_back(running);
}

// Empty: it is not.
std::string Intake::hold_reason(Duration running) const {
  if (!held_back(running)) return {};
  if (routes_.full()) return "the outbox of a sink is full";
  if (firing_room_.is_full()) return "the rows of the next trigger fill the outbox of a sink";
  if (held_.full()) return "no more readings can wait for the clock to be set";
  return journal_.hold_reason();
}

std::string Intake::held_because() const {
  const MutexLock lock(mutex_);
  const Duration running = clock_.now().running;
  return hold_notice_.is_seen(running) ? hold_reason(running) : std::string();
}

// Readings that cannot be journaled are lost by the user's choice. A full outbox is another matter.
bool Intake::drops() const {
  return journal_.drops_newest() && !routes_.full() && !firing_room_.is_full();
}

bool Intake::has_room_for(std::size_t readings) {
  if (firing_room_.is_check_due(readings, routes_)) {
    note_delivered();
    if (!firing_room_.check(readings, routes_, pipeline_)) return false;
  }
  firing_room_.take(readings);
  return true;
}

void Intake::check_room_again() {
  if (!firing_room_.is_full()) return;
  note_delivered();
  firing_room_.check_again(routes_, pipeline_);
}

// A replay of the journal brings no more rows into an outbox than it may hold, also where the store cannot be asked
// what it has (DURABILITY.md, "a store cannot be reached"). It goes with the next write, and needs no sync.
void Intake::note_delivered() {
  for (const auto& [sink, id] : routes_.take_delivered()) {
    journal_.append(JournalType::delivered, JournaledDelivery{sink, id.run, id.epoch});
  }
}

void Intake::refuse_all(SourceId source, const DecodedBatch& batch) {
  traffic_.count(source, batch);
  pipeline_.refuse(source, Refusal::journal_full, batch.readings.size());
  for (const DecodedRefusal& refusal : batch.refusals) pipeline_.refuse(source, refusal.reason);
  messages_.note_positions(slots_.names()[index_of(source)]);
}

// False: too much waits for the journal, which cannot be written.
bool Intake::take_refusals(SourceId source, const DecodedBatch& batch, Moment arrival) {
  if (pending_refusals_.full(source) && !journal_refusals(arrival)) return false;
  pending_refusals_.add(source, batch_.refused(), messages_.new_values());
  count(source, batch);
  return true;
}

// No sync is asked for: they are not worth one, and it is not acknowledged that they are counted. They come before what
// would count them again or mean something else by a slot or a session: a checkpoint, a reload, another session.
bool Intake::journal_refusals(Moment now) {
  const auto& sources = pending_refusals_.by_slot();
  if (std::all_of(sources.begin(), sources.end(), [](const auto& source) { return source.empty(); })) return true;
  if (!journal_.may_be_written(now.running)) return false;
  const Moment arrival{clock_set_ ? now.wall : time_not_known, now.running};
  const auto step = journal_.begin();
  for (std::uint32_t i = 0; i < sources.size(); ++i) {
    const PendingRefusals::OfSource& pending = sources[i];
    if (pending.empty()) continue;
    journal_.append(JournalType::batch,
                    JournaledBatch{SourceId{i}, arrival, {}, {}, {}, pending.refused, pending.values});
  }
  if (!journal_.end(step, now.running, Keep::crash)) return false;
  for (std::uint32_t i = 0; clock_set_ && i < sources.size(); ++i) {
    if (!sources[i].empty()) pipeline_.apply({SourceId{i}, arrival, {}});  // as a replay of the record does
  }
  pending_refusals_.clear();
  return true;
}

void Intake::count_delays(SourceId source, Timestamp arrival) {
  DelayHistogram& delays = traffic_.delays(source);
  for (const auto& readings : messages_.new_readings()) {
    for (const DecodedReading& reading : readings) {
      if (!reading.event_time || *reading.event_time == unreadable_time) continue;
      delays.add(arrival - event_time_of(reading, arrival));
    }
  }
}

// A sensor once, however many metrics it has.
void Intake::name_shifted(SourceId source, SeriesId series) {
  const std::string sensor = printable(pipeline_.series()[series].sensor);
  const TimeShift found = *batch_.shift_of(series);
  const std::string shift = text_of_shift(found), advice(advice_of(found));
  switch (traffic_.name_shifted(source, {sensor, shift, advice})) {
    case TrafficCounters::Named::known:
      return;
    case TrafficCounters::Named::now:
      return log(LogLevel::warning,
                 {.event = LogEvent::source_notice, .source = slots_.names()[index_of(source)], .sensor = sensor},
                 "sensor " + sensor + ": its times are " + shift + "; " + advice);
    case TrafficCounters::Named::beyond_limit:
      return log(LogLevel::warning, {.event = LogEvent::source_notice, .source = slots_.names()[index_of(source)]},
                 "more sensors send such times: edgetide sensors --skewed");
  }
}

// Once for the labels that differ, however many series do.
void Intake::note_mixed(SourceId source, const BatchReadings::Mixed& mixed) {
  traffic_.count_mixed(source, mixed.readings);
  for (const MixedSeries::Pair& pair : mixed.found) {
    const Series& first = pipeline_.series()[pair.first];
    const Series& second = pipeline_.series()[pair.second];
    const LabelDifference labels = difference_of(views_of(first.labels), views_of(second.labels));
    const std::string sensor = printable(first.sensor), metric = printable(first.metric);
    if (!traffic_.name_mixed(source, {labels.keys, printable(labels.text), sensor + ' ' + metric})) continue;
    log(LogLevel::warning,
        {.event = LogEvent::source_notice, .source = slots_.names()[index_of(source)], .sensor = sensor},
        "sensor " + sensor + ", metric " + metric + ": " + printable(mixed_advice(labels), max_advice_bytes));
  }
}

void Intake::count_messages(SourceId source, const DecodedBatch& batch) {
  traffic_.count(source, batch);
  for (const MessagesWithoutReading& some : messages_.left_out()) traffic_.count(source, some);
}

void Intake::count(SourceId source, const DecodedBatch& batch) {
  count_messages(source, batch);
  messages_.note(slots_.names()[index_of(source)]);
  for (const RefusedCount& refused : batch_.refused()) pipeline_.refuse(source, refused.reason, refused.readings);
  if (!batch.refusals.empty()) traffic_.note_refusal(source, batch.refusals.back());
  if (!batch.undecoded.empty()) quarantine_messages(source, batch);
  for (const std::string_view notice : batch.notices) {
    log(LogLevel::warning, {.event = LogEvent::source_notice, .source = slots_.names()[index_of(source)]},
        printable(notice));
  }
}

void Intake::apply(SourceId source, const DecodedBatch& batch, Moment arrival) {
  count(source, batch);
  if (!clock_set_) return held_.add({source, arrival.running, batch_.readings()});
  count_delays(source, arrival.wall);
  for (const SeriesId series : batch_.newly_shifted(arrival.wall)) name_shifted(source, series);
  note_mixed(source, batch_.mixed(source, batch, pipeline_));
  apply_batch({source, arrival, batch_.readings()});
}

void Intake::apply_batch(const Batch& batch) {
  pipeline_.apply(batch);
  taps_.show_readings(batch, pipeline_.series());
  keep_refused(batch);
}

void Intake::keep_refused(const Batch& batch) {
  if (quarantine_ == nullptr) return;
  quarantine_->keep(pipeline_.quarantined(), pipeline_.options().sources[index_of(batch.source)].name, *batch.arrival,
                    pipeline_.series());
}

// Without those that are known: they are there already.
void Intake::quarantine_messages(SourceId source, const DecodedBatch& batch) {
  undecoded_.clear();
  for (const UndecodedMessage& message : batch.undecoded) {
    if (!messages_.is_known(batch, message.message))
      undecoded_.push_back({message.reason, message.topic, message.payload});
  }
  quarantine_messages(source);
}

void Intake::quarantine_messages(SourceId source) {
  if (quarantine_ == nullptr || undecoded_.empty()) return;
  const Moment now = clock_.now();
  quarantine_->keep(undecoded_, slots_.names()[index_of(source)], clock_set_ ? std::optional(now.wall) : std::nullopt,
                    now);
}

// Applies the readings held for the clock. False: the disk cannot be written.
bool Intake::release_held(Moment now) {
  const auto step = journal_.begin();
  journal_.append(JournalType::clock_set, ClockSet{now});
  if (!journal_.end(step, now.running, Keep::power)) return false;
  log(LogLevel::info, {LogEvent::clock_set},
      "the clock is set: " + std::to_string(held_.readings()) + " readings that waited are applied");
  const std::uint64_t lost =
      apply_held(held_.release(), now, pipeline_, [&](const Batch& batch) REQUIRES(mutex_) { keep_refused(batch); });
  if (lost > 0) {
    log(LogLevel::error, {LogEvent::clock_set},
        std::to_string(lost) + " readings that waited are lost: the options that took them cannot be made any more");
  }
  return clock_set_ = true;
}

// ---- connections

void Intake::connected(SourceId id, std::string_view peer) noexcept {
  const std::string name = name_of(id);
  log(LogLevel::info, {.event = LogEvent::source_connected, .source = name}, "connected to " + printable(peer));
  const MutexLock lock(mutex_);
  hearing_.note_connection(id, true);
  if (const std::optional<SourceId> slot = slots_.slot_of(id)) traffic_.note_connection(*slot, {});
  if (hearing_.listens()) tell_connection(id, true, clock_.now());
}

void Intake::disconnected(SourceId id, std::string_view reason) noexcept {
  const std::string name = name_of(id);
  const bool stopped = reason.empty();
  log(stopped ? LogLevel::info : LogLevel::warning, {.event = LogEvent::source_disconnected, .source = name},
      stopped ? "disconnected" : "disconnected: " + printable(reason));
  const MutexLock lock(mutex_);
  hearing_.note_connection(id, false);
  if (const std::optional<SourceId> slot = slots_.slot_of(id)) traffic_.note_connection(*slot, reason);
  if (hearing_.listens()) tell_connection(id, false, clock_.now());
}

// What was said already is not said again.
void Intake::impaired(SourceId id, std::string_view reason) noexcept {
  std::string name;
  {
    const MutexLock lock(mutex_);
    const std::optional<SourceId> slot = slots_.slot_of(id);
    if (!slot || !traffic_.impair(*slot, reason)) return;
    name = slots_.name_of(id);
  }
  log(reason.empty() ? LogLevel::info : LogLevel::warning, {.event = LogEvent::source_notice, .source = name},
      reason.empty() ? "works again" : printable(reason));
}

void Intake::notice(SourceId id, std::string_view text) noexcept {
  const std::string name = name_of(id);
  log(LogLevel::warning, {.event = LogEvent::source_notice, .source = name}, printable(text));
}

void Intake::turned_away(SourceId id, TurnedAway why) noexcept {
  const MutexLock lock(mutex_);
  if (const std::optional<SourceId> slot = slots_.slot_of(id)) traffic_.count_turned_away(*slot, why);
}

std::string Intake::name_of(SourceId id) const {
  const MutexLock lock(mutex_);
  return slots_.name_of(id);
}

void Intake::listen(bool listens, Moment now) {
  for (const SourceId id : hearing_.listen(listens)) tell_connection(id, listens, now);
}

void Intake::tell_connection(SourceId id, bool connected, Moment now) {
  const std::optional<SourceId> slot = slots_.slot_of(id);
  if (!slot) return;
  if (connected) hearing_.start(id, now.running, pipeline_.options().sources[index_of(*slot)].time.idle_timeout);
  const Duration unheard = connected ? Duration() : hearing_.unheard(id, now.running);
  journal_.append(JournalType::connection, JournaledConnection{*slot, connected, now, unheard});
  journal_.commit_or_wait(now.running);
  if (!connected) pipeline_.set_unheard(*slot, unheard);
  connected ? pipeline_.connected(*slot, now) : pipeline_.disconnected(*slot, now);
}

// ---- epochs

// Room is offered here too, so that no source listens and waits for it.
bool Intake::tick(Fire fire, Duration every) {
  offer_room();
  const std::map<SourceId, Liveness> liveness = listeners_.liveness();
  const MutexLock lock(mutex_);
  const Moment now = clock_.now();
  hearing_.tick(now.running, every);
  static_cast<void>(journal_refusals(now));           // if it fails, it goes with the next
  if (held_.full()) hold_notice_.begin(now.running);  // also where no source has a reading to offer yet
  hold_notice_.look(now.running, hold_reason(now.running));
  if (!clock_set_ && !(clock_.is_set() && release_held(now))) return false;
  listen(!held_back(now.running), now);
  hearing_.look(now.running, slots_, pipeline_, liveness);
  note_delivered();
  if (routes_.full()) return false;  // their rows stay in the windows until there is room
  return fire_windows(fire, now);
}

bool Intake::fire_windows(Fire fire, Moment now, const LateNumbers* late) {
  if (!journal_.may_be_written(now.running)) return false;
  const auto step = journal_.begin();
  append_tick({now, fire, pipeline_.epoch() + 1, listening_sources(), hearing_.unheard()}, late);
  if (!journal_.end(step, now.running, Keep::crash)) return false;
  AddedRows added = late == nullptr ? AddedRows() : take_late(*late);
  for (std::uint32_t i = 0; i < slots_.names().size(); ++i) {
    pipeline_.set_unheard(SourceId{i}, hearing_.unheard().empty() ? Duration() : hearing_.unheard()[i]);
  }
  emission_.clear_and_shrink();
  pipeline_.tick(now, fire, emission_);
  emission_.added = std::move(added);
  rows_emitted_ += emission_.rows.size();
  taps_.show_rows(emission_, pipeline_);
  send(routes_.select(emission_, pipeline_, identity_.run, edges_));
  firing_room_.fired();
  check_room_again();
  return true;
}

// Late readings are added as their record is written.
void Intake::append_tick(const JournaledTick& tick, const LateNumbers* late) {
  if (late == nullptr) return journal_.append(JournalType::tick, tick);
  const std::string& window = pipeline_.options().windows[index_of(late->window)].name;
  journal_.append(JournalType::late, JournaledLate{tick, window, late->numbers, late->readings});
}

AddedRows Intake::take_late(const LateNumbers& late) {
  const std::string& window = pipeline_.options().windows[index_of(late.window)].name;
  for (const std::uint64_t number : late.numbers) late_.add(window, number);
  return pipeline_.late_rows(late.window, late.readings);
}

std::uint64_t Intake::listening_sources() const {
  std::uint64_t bits = 0;
  const auto sources = static_cast<std::uint32_t>(slots_.names().size());
  for (std::uint32_t i = 0; i < std::min(sources, JournaledTick::max_sources_listed); ++i) {
    if (pipeline_.listening(SourceId{i})) bits |= std::uint64_t{1} << i;
  }
  return bits;
}

// The rows wait in the gate for the record of their tick.
void Intake::send(std::vector<RowRoutes::RoutedBatch> batches) {
  if (batches.empty()) return;
  journal_.await_sync();
  gate_.push(journal_.safety().needed(), std::move(batches));
}

// ---- another configuration

// No source listens while the slots change: each is marked disconnected before, and connected again after, if it stays.
std::optional<std::string> Intake::reconfigure(Reconfiguration next) {
  const MutexLock lock(mutex_);
  const Moment now = clock_.now();
  if (!clock_set_) return "readings wait for the clock to be set; try again when it is";
  if (!journal_refusals(now)) return journal_.write_error();
  do {
    if (next.fire_all && !fire_windows(Fire::all, now)) return journal_.write_error();
  } while (next.fire_all && pipeline_.has_more_rows());
  listen(false, now);
  std::optional<std::string> refusal = next.pipeline.restore(pipeline_.snapshot());
  if (!refusal && !is_journaled(next, now)) refusal = journal_.write_error();
  if (!refusal) {
    next.pipeline.take_over_changed();
    adopt(std::move(next));
  }
  listen(!held_back(now.running), now);
  return refusal;
}

// Series keep their ids. The journal also gets the computed series of the new pipeline, for a later replay.
bool Intake::is_journaled(const Reconfiguration& next, Moment now) {
  const auto step = journal_.begin();
  ++reconfigurations_;
  journal_.append_definition(JournalType::sources,
                             JournaledSources{next.sources, reconfigurations_, options_bytes(next.pipeline.options())});
  const SeriesTable& old = pipeline_.series();
  const SeriesTable& series = next.pipeline.series();
  for (std::uint32_t i = 0; i < series.size(); ++i) {
    const SeriesId id{i};
    if (!series.has(id) || (i < old.size() && old.has(id))) continue;
    journal_.append(JournalType::series, NewSeries{id, SourceId{0}, series[id]});
  }
  return journal_.end(step, now.running, Keep::power);
}

void Intake::adopt(Reconfiguration next) {
  std::vector<std::optional<SourceId>> former;
  for (const std::string& name : next.sources) former.push_back(slots_.slot_of(slots_.id_of(name)));
  traffic_.move_to(former);
  traffic_.forget_shifted();  // routes may read times in another way now
  traffic_.forget_mixed();    // or name sensors
  taps_.clear();              // what they look at may have another place
  slots_.move_to(std::move(next.sources));
  hearing_.move_to(slots_.ids());
  pipeline_ = std::move(next.pipeline);
  late_.know(pipeline_.options().windows, clock_.now().wall);
  batch_.reconfigure(std::move(next.tables));
  routes_ = std::move(next.routes);
  edges_.keep(routes_.sinks());
}

SourceId Intake::source_id(const std::string& name) {
  const MutexLock lock(mutex_);
  return slots_.id_of(name);
}

// ---- the end

void Intake::set_blocking(bool allowed) {
  {
    const MutexLock lock(mutex_);
    blocking_ = allowed;
  }
  listeners_.set_blocking(allowed);
}

void Intake::close() {
  {
    const MutexLock lock(mutex_);
    closed_ = true;
  }
  listeners_.set_blocking(false);
}

// ---- storage

std::error_code Intake::sync() {
  const auto needed = [this] {
    const MutexLock lock(mutex_);
    return journal_.safety().needed();
  }();
  const MutexLock one_at_a_time(sync_mutex_);
  PendingSync pending;
  {
    const MutexLock lock(mutex_);
    if (journal_.safety().through() >= needed) return {};
    pending = journal_.take_pending_sync();
  }
  std::error_code error = pending.run();
  std::uint64_t synced = 0;
  {
    const MutexLock lock(mutex_);
    journal_.synced(pending, error, clock_.now().running);
    synced = journal_.safety().through();
    if (!error && synced < needed) error = std::make_error_code(std::errc::io_error);  // not even written yet
    settle_late(clock_.now());
  }
  gate_.durable(synced);
  listeners_.durable(synced);
  return error;
}

bool Intake::is_unsafe() const {
  const MutexLock lock(mutex_);
  return !journal_.safety().is_safe();
}

bool Intake::is_awaited() const {
  const MutexLock lock(mutex_);
  return journal_.safety().is_awaited();
}

std::vector<StoredPosition> Intake::positions(SourceId id) const {
  const MutexLock lock(mutex_);
  return messages_.positions().of(slots_.name_of(id));
}

void Intake::want_checkpoint_for_each(std::size_t parts) {
  const MutexLock lock(mutex_);
  journal_.want_checkpoint_for_each(parts);
}

bool Intake::wants_checkpoint() const {
  const MutexLock lock(mutex_);
  return journal_.wants_checkpoint();
}

// Journaled before it is acted on: a message that comes in it is known after a crash, and its filters are.
bool Intake::begin_session(SourceId id, const SourceSession& session) noexcept {
  const MutexLock lock(mutex_);
  const std::optional<SourceId> slot = slots_.slot_of(id);
  if (closed_ || !slot) return false;
  const std::string& name = slots_.names()[index_of(*slot)];
  SourceSessions& sessions = messages_.sessions();
  sessions.resume(session.name);
  if (sessions.is_in(name, session.name, session.is_new, session.in_flight, session.notes)) return true;
  const Duration running = clock_.now().running;
  if (!journal_.ready(running)) return false;
  const std::uint32_t in_flight = std::min(session.in_flight, JournaledSession::most_in_flight);
  if (!journal_refusals(clock_.now())) return false;
  const auto step = journal_.begin();
  journal_.append_definition(JournalType::session,
                             JournaledSession{*slot, session.is_new, in_flight, session.name, session.notes});
  if (!journal_.end(step, running, Keep::power)) return false;
  if (session.is_lost) traffic_.count_lost_session(*slot);
  sessions.begin(name, session.name, session.is_new, in_flight, session.notes);
  return true;
}

std::optional<std::string> Intake::session_notes(std::string_view session) const {
  const MutexLock lock(mutex_);
  return messages_.sessions().notes(session);
}

std::vector<std::uint64_t> Intake::recent_messages(SourceId id) const {
  const MutexLock lock(mutex_);
  return messages_.sessions().recent_of(slots_.name_of(id));
}

std::optional<Checkpoint> Intake::checkpoint() {
  const MutexLock lock(mutex_);
  if (!gate_.empty()) return std::nullopt;
  if (!journal_refusals(clock_.now())) pending_refusals_.clear();  // they are in the checkpoint
  Checkpoint checkpoint;
  checkpoint.state_id = identity_.state_id;
  checkpoint.run = identity_.run;
  checkpoint.epoch = pipeline_.epoch();
  const Journal::Start start = journal_.begin_checkpoint();
  checkpoint.journal_next = start.record;
  checkpoint.journal_context = start.context;
  checkpoint.taken_at = clock_.now();
  checkpoint.since_boot = clock_.since_boot();
  checkpoint.pipeline = pipeline_.snapshot();
  checkpoint.options = options_bytes(pipeline_.options());
  checkpoint.memory = {pipeline_.memory_bytes(), pipeline_.reserved_bytes(), pipeline_.options().max_memory_bytes};
  StateHistory history = history_;
  history.note({identity_.run, checkpoint.epoch});
  checkpoint.intake = IntakeState{slots_.names(),     messages_.sessions(), held_, messages_.positions(),
                                  messages_.values(), std::move(history),   late_, edges_}
                          .save();
  return checkpoint;
}

void Intake::cut(std::uint64_t record) {
  const MutexLock lock(mutex_);
  journal_.cut(record, clock_.now().running);
}

// ---- taps

void Intake::add_tap(std::shared_ptr<Tap> tap) {
  const MutexLock lock(mutex_);
  taps_.add(std::move(tap));
}

// ---- what others want to know

std::vector<std::optional<TimeShift>> Intake::shifts_of(std::span<const SeriesId> series) const {
  const MutexLock lock(mutex_);
  std::vector<std::optional<TimeShift>> shifts;
  for (const SeriesId id : series) shifts.push_back(batch_.shift_of(id));
  return shifts;
}

RefusalSample Intake::last_refusal(SourceId slot) const {
  const MutexLock lock(mutex_);
  return traffic_.of(slot).last_refusal;
}

SourceTraffic Intake::traffic(SourceId slot) const {
  const MutexLock lock(mutex_);
  SourceTraffic traffic = traffic_.of(slot);
  traffic.connected = hearing_.is_connected(slots_.id_at(slot));
  return traffic;
}

QuarantineCounters Intake::quarantine_counters() const {
  const MutexLock lock(mutex_);
  return quarantine_->counters();
}

JournalStatus Intake::journal_status() const {
  const MutexLock lock(mutex_);
  return journal_.status();
}

std::optional<FileCounts> Intake::files(SourceId slot) const {
  SourceId id{};
  {
    const MutexLock lock(mutex_);
    id = slots_.id_at(slot);
  }
  return listeners_.files(id);
}

std::uint64_t Intake::rows_emitted() const {
  const MutexLock lock(mutex_);
  return rows_emitted_;
}

std::size_t Intake::held_readings() const {
  const MutexLock lock(mutex_);
  return held_.readings();
}

bool Intake::waits_for_clock() const {
  const MutexLock lock(mutex_);
  return !clock_set_;
}

std::uint64_t Intake::forgotten_positions() const {
  const MutexLock lock(mutex_);
  return messages_.positions().forgotten();
}

std::uint64_t Intake::resent_messages() const {
  const MutexLock lock(mutex_);
  return messages_.resent();
}

std::uint64_t Intake::unchanged_readings() const {
  const MutexLock lock(mutex_);
  return messages_.unchanged();
}

}  // namespace edgetide
