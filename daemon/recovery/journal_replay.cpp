#include "daemon/recovery/journal_replay.h"

#include <algorithm>
#include <utility>

#include "daemon/storage/series_checksum.h"
#include "pipeline/options_bytes.h"
#include "pipeline/window_named.h"

namespace edgetide {

namespace {
// Ids are given in order. Beyond so many that are missing, one is not believed.
constexpr std::size_t max_ids_lost = 65536;
constexpr std::uint64_t max_epochs_lost = 1 << 24;

std::vector<std::string> names_of(const std::vector<SourceOptions>& sources) {
  std::vector<std::string> names;
  for (const SourceOptions& source : sources) names.push_back(source.name);
  return names;
}
}  // namespace

JournalReplay::JournalReplay(Pipeline& pipeline, MakeRoutes make_routes, IntakeState& state)
    : pipeline_(pipeline),
      make_routes_(std::move(make_routes)),
      routes_(make_routes_(pipeline.options().windows)),
      sessions_(state.sessions),
      positions_(state.positions),
      values_(state.values),
      late_(state.late),
      edges_(state.edges),
      source_names_(names_of(pipeline.options().sources)) {}

void JournalReplay::begin(const std::vector<std::string>& sources, std::uint64_t run) {
  run_ = run;
  started_ = false;
  is_empty_ = is_empty_ && run == 0;
  ids_are_known_ = places_are_known_ = true;
  name_sources(sources);
  series_.clear();
  for (std::uint32_t i = 0; i < pipeline_.series().size(); ++i) {
    const bool is_there = pipeline_.series().has(SeriesId{i});
    series_.push_back(is_there ? std::optional(SeriesId{i}) : std::nullopt);
  }
}

void JournalReplay::name_sources(const std::vector<std::string>& sources) {
  names_ = sources;
  sources_.clear();
  for (const std::string& name : sources) sources_.push_back(source_now(name));
}

std::optional<SourceId> JournalReplay::source_now(const std::string& name) const noexcept {
  const auto now = std::find(source_names_.begin(), source_names_.end(), name);
  if (now == source_names_.end()) return std::nullopt;
  return SourceId{static_cast<std::uint32_t>(now - source_names_.begin())};
}

std::optional<SourceId> JournalReplay::source_of(SourceId then) const noexcept {
  return places_are_known_ && index_of(then) < sources_.size() ? sources_[index_of(then)] : std::nullopt;
}

std::optional<SeriesId> JournalReplay::series_of(SeriesId then) const noexcept {
  return ids_are_known_ && index_of(then) < series_.size() ? series_[index_of(then)] : std::nullopt;
}

// An id is given again only when the table is full. As many series may be missing here as records are lost.
void JournalReplay::note_gap(const JournalGap& gap) {
  if (gap.places) places_are_known_ = ids_are_known_ = false;
  const bool may_be_full = pipeline_.series().size() + gap.records >= pipeline_.options().max_series;
  if (gap.series && may_be_full) ids_are_known_ = false;
}

void JournalReplay::apply(const JournalRecord& record) {
  std::visit([this](const auto& one) { apply_one(one); }, record);
  is_empty_ = false;
}

void JournalReplay::go_over_to(const std::string& options) {
  if (options.empty()) return;
  if (auto next = load_options(options, pipeline_.options())) static_cast<void>(go_over(*std::move(next)));
}

std::optional<std::string> JournalReplay::go_over(PipelineOptions next) {
  const std::string before = options_bytes(pipeline_.options());
  if (options_bytes(next) == before) return std::nullopt;
  Pipeline pipeline(std::move(next));
  if (!is_empty_) {
    if (auto reason = pipeline.restore(pipeline_.snapshot())) return reason;
    pipeline.take_over_changed();
  }
  pipeline_ = std::move(pipeline);
  routes_ = make_routes_(pipeline_.options().windows);
  source_names_ = names_of(pipeline_.options().sources);
  name_sources(std::vector(names_));
  held_.change_options(before);
  return std::nullopt;
}

void JournalReplay::apply_one(const RunStart& start) {
  if (started_ && start.run == run_ && places_are_known_) return;  // its copy
  end();
  began_ = RunningAt{start.now.running, start.since_boot};
  go_over_to(start.options);
  const SeriesTable& series = pipeline_.series();
  if (start.series_count == series.size() && start.series_checksum == series_checksum(series)) {
    begin(start.sources, start.run);
  } else {
    keep_marked(start);
  }
  started_ = true;
}

// The run knew other series than there are here, because records or a checkpoint are lost. Its ids go on from the run
// before; those that its marks confirm are known.
void JournalReplay::keep_marked(const RunStart& start) {
  run_ = start.run;
  ids_are_known_ = places_are_known_ = true;
  name_sources(start.sources);
  const std::size_t marks = std::min<std::size_t>(start.series_count, start.series_marks.size() / series_mark_bytes);
  series_.resize(marks);
  for (std::size_t i = 0; i < marks; ++i) {
    const std::string_view mark = std::string_view(start.series_marks).substr(i * series_mark_bytes, series_mark_bytes);
    if (series_[i] && series_mark(pipeline_.series(), *series_[i]) != mark) series_[i].reset();
  }
}

void JournalReplay::apply_one(const NewSeries& added) {
  const std::uint32_t then = index_of(added.id);
  if (then >= series_.size() + max_ids_lost) {
    ++senseless_records_;
    return;
  }
  if (then >= series_.size()) series_.resize(then + 1);
  const std::optional<SeriesId> replaced = ids_are_known_ ? series_[then] : std::nullopt;
  series_[then].reset();
  const auto known = pipeline_.series().find(added.series);
  series_[then] =
      known ? *known : pipeline_.restore_series(added.series, source_of(added.source).value_or(SourceId{0}), replaced);
}

void JournalReplay::apply_one(const JournaledBatch& batch) {
  if (places_are_known_ && index_of(batch.source) < names_.size()) note_messages(names_[index_of(batch.source)], batch);
  if (const std::optional<SourceId> source = source_of(batch.source)) {
    for (const RefusedCount& refused : batch.refused) pipeline_.refuse(*source, refused.reason, refused.readings);
  }
  apply_or_hold(batch.source, batch.arrival, batch.readings);
}

void JournalReplay::note_messages(const std::string& source, const JournaledBatch& batch) {
  for (const std::uint64_t fingerprint : batch.fingerprints) sessions_.of(source).recent.add(fingerprint);
  for (const JournaledPosition& position : batch.positions) {
    positions_.note(source, position.partition, position.bytes);
  }
  for (const JournaledValue& value : batch.values) values_.note(source, value.topic, value.value);
}

void JournalReplay::apply_one(const JournaledSession& session) {
  if (!places_are_known_ || index_of(session.source) >= names_.size()) return;
  sessions_.begin(names_[index_of(session.source)], session.name, session.is_new, session.in_flight, session.notes);
}

void JournalReplay::apply_one(const JournaledDelivery& delivery) {
  routes_.already_stored(delivery.sink, {delivery.run, delivery.epoch});
}

void JournalReplay::hold(const ClockHold& held) {
  held_.know_options(held.former_options());
  for (const HeldBatch& batch : held.batches()) {
    if (batch.options == HeldBatch::present) {
      apply_or_hold(batch.source, {time_not_known, batch.running}, batch.readings);
    } else {
      readings_ += batch.readings.size();
      held_.add({batch.source, batch.running, known_of(batch.readings), batch.options});
    }
  }
}

// By the ids that their series have here.
std::vector<Reading> JournalReplay::known_of(std::span<const Reading> readings) {
  std::vector<Reading> known;
  for (const Reading& reading : readings) {
    if (const auto series = series_of(reading.series)) known.push_back({*series, reading.event_time, reading.value});
  }
  lost_readings_ += readings.size() - known.size();
  return known;
}

void JournalReplay::apply_or_hold(SourceId then, Moment arrival, std::span<const Reading> readings) {
  const std::optional<SourceId> source = source_of(then);
  applied_.clear();
  for (const Reading& reading : readings) {
    const std::optional<SeriesId> series = source ? series_of(reading.series) : std::nullopt;
    if (series) applied_.push_back({*series, reading.event_time, reading.value});
  }
  lost_readings_ += readings.size() - applied_.size();
  readings_ += applied_.size();
  if (!source) return;
  if (arrival.wall == time_not_known) return held_.add({*source, arrival.running, applied_, HeldBatch::present});
  pipeline_.apply({*source, arrival, applied_});
}

void JournalReplay::apply_one(const ClockSet& set) {
  lost_readings_ += apply_held(held_.release(), set.now, pipeline_, [](const Batch&) {});
}

// The configuration was read again: twice the same makes no difference. As the intake did: no source listens.
void JournalReplay::apply_one(const JournaledSources& sources) {
  go_over_to(sources.options);
  name_sources(sources.names);
  pipeline_.take_over_changed();
}

void JournalReplay::set_listening(SourceId source, bool listening, Moment at) {
  listening ? pipeline_.connected(source, at) : pipeline_.disconnected(source, at);
}

// A tick says who was heard: a lost record of a connection costs nothing. The end of one counts from the last record.
void JournalReplay::follow_connections(const JournaledTick& tick) {
  for (std::uint32_t i = 0; i < JournaledTick::max_sources_listed; ++i) {
    const std::optional<SourceId> source = source_of(SourceId{i});
    const bool listening = (tick.listening >> i & 1) != 0;
    if (!source || pipeline_.listening(*source) == listening) continue;
    set_listening(*source, listening, listening ? tick.now : pipeline_.now().value_or(tick.now));
  }
}

// As the intake did: the rows are made before the tick. Readings that it marked are never added again.
void JournalReplay::apply_one(const JournaledLate& late) {
  for (const std::uint64_t number : late.numbers) late_.add(late.window, number);
  applied_.clear();
  for (const Reading& reading : late.readings) {
    if (const auto series = series_of(reading.series)) applied_.push_back({*series, reading.event_time, reading.value});
  }
  const std::optional<WindowId> window = window_named(pipeline_.options().windows, late.window);
  if (!window) applied_.clear();
  lost_readings_ += late.readings.size() - applied_.size();
  fire(late, applied_.empty() ? AddedRows() : pipeline_.late_rows(*window, applied_));
}

void JournalReplay::fire(const JournaledTick& tick, AddedRows added) {
  follow_connections(tick);
  const std::uint64_t next = pipeline_.epoch() + 1;
  if (tick.epoch > next && tick.epoch - next < max_epochs_lost) pipeline_.skip_to_epoch(tick.epoch);
  for (std::uint32_t i = 0; i < sources_.size(); ++i) {
    if (const auto source = source_of(SourceId{i}))
      pipeline_.set_unheard(*source, i < tick.unheard.size() ? tick.unheard[i] : Duration());
  }
  pipeline_.tick(tick.now, tick.fire, emission_);
  emission_.added = std::move(added);
  RowRoutes::send(routes_.select(emission_, pipeline_, run_, edges_));
}

void JournalReplay::apply_one(const JournaledConnection& connection) {
  const std::optional<SourceId> source = source_of(connection.source);
  if (!source) return;
  if (!connection.connected) pipeline_.set_unheard(*source, connection.unheard);
  set_listening(*source, connection.connected, connection.now);
}

void JournalReplay::end() {
  history_.note({run_, pipeline_.epoch()});
  if (!pipeline_.now()) return;
  for (std::uint32_t i = 0; i < source_names_.size(); ++i) pipeline_.disconnected(SourceId{i}, *pipeline_.now());
}

}  // namespace edgetide
