#include "daemon/storage/journal_record.h"

#include <algorithm>

#include "daemon/storage/number_code.h"
#include "pipeline/bytes.h"
#include "pipeline/floor_divide.h"
#include "pipeline/series_bytes.h"
#include "pipeline/varint.h"

namespace edgetide {

namespace {

// Flags of a batch.
constexpr std::uint8_t has_fingerprint = 1, has_whole_moment = 2, has_refusals = 4, in_milliseconds = 8,
                       has_fingerprints = 16, has_positions = 32, has_values = 64;
constexpr std::uint64_t has_unheard = 2;  // of a tick
constexpr unsigned fingerprint_bytes = 6, hash_bytes = 6;
constexpr std::int64_t millisecond = 1'000;

constexpr std::uint64_t max_id = 0xFFFF'FFFE;  // the highest number that a series or a source may have

Moment get_moment(VarintReader& in) noexcept {
  const std::int64_t wall = in.signed_varint();
  return {Timestamp::microseconds(wall), Duration::microseconds(in.signed_varint())};
}

void put_moment(std::string& out, Moment moment) {
  put_signed(out, moment.wall.count());
  put_signed(out, moment.running.count());
}

std::uint32_t get_id(VarintReader& in) noexcept {
  const std::uint64_t id = in.varint();
  in.require(id <= max_id);
  return static_cast<std::uint32_t>(id);
}

bool all_in_milliseconds(std::span<const Reading> readings) noexcept {
  return std::all_of(readings.begin(), readings.end(),
                     [](const Reading& reading) { return reading.event_time.count() % millisecond == 0; });
}

// Wraps instead of overflowing: reading adds it up again.
std::int64_t difference(std::int64_t a, std::int64_t b) noexcept {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) - static_cast<std::uint64_t>(b));
}
std::int64_t sum(std::int64_t a, std::int64_t b) noexcept {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
}

// When the record before was: 1 + the running time that passed since, and how much more wall time did; 0: not known.
void put_before(std::string& out, Moment moment, const std::optional<Moment>& before) {
  const Duration passed = before ? moment.running - before->running : Duration::microseconds(-1);
  if (passed < Duration()) return put_varint(out, 0);
  put_varint(out, static_cast<std::uint64_t>(passed.count()) + 1);
  put_signed(out, difference(difference(moment.wall.count(), before->wall.count()), passed.count()));
}

std::optional<Moment> get_before(VarintReader& in, Moment moment) noexcept {
  const std::uint64_t passed = in.varint();
  if (passed == 0) return std::nullopt;
  const auto running = static_cast<std::int64_t>(passed - 1);
  const std::int64_t wall = sum(in.signed_varint(), running);
  return Moment{Timestamp::microseconds(difference(moment.wall.count(), wall)),
                Duration::microseconds(difference(moment.running.count(), running))};
}

struct Anchor {
  Moment moment;
  std::optional<Moment> before;
  JournalContext context;
};

Anchor get_anchor(VarintReader& in) noexcept {
  Anchor anchor;
  anchor.moment = get_moment(in);
  anchor.before = get_before(in, anchor.moment);
  anchor.context.series = static_cast<std::uint8_t>(in.bytes(1));
  anchor.context.places = static_cast<std::uint8_t>(in.bytes(1));
  return anchor;
}

// Each reading is written as what it differs by from the one before; one message has series in a row, and one time.
void append_readings(std::string& out, std::span<const Reading> readings, Timestamp arrival, std::int64_t unit) {
  put_varint(out, readings.size());
  std::int64_t series = -1;
  std::int64_t time = floor_divide(arrival.count(), unit);
  for (const Reading& reading : readings) {
    put_signed(out, index_of(reading.series) - series - 1);
    series = index_of(reading.series);
    const std::int64_t own_time = floor_divide(reading.event_time.count(), unit);
    put_signed(out, difference(own_time, time));
    time = own_time;
    put_number(out, reading.value);
  }
}

void read_readings(VarintReader& in, Timestamp arrival, std::int64_t unit, std::vector<Reading>& readings) {
  const std::uint64_t count = in.varint();
  if (!in.has(count)) return;
  std::int64_t series = -1;
  std::int64_t time = floor_divide(arrival.count(), unit);
  for (std::uint64_t i = 0; in.ok() && i < count; ++i) {
    series = sum(series + 1, in.signed_varint());
    in.require(series >= 0 && static_cast<std::uint64_t>(series) <= max_id);
    time = sum(time, in.signed_varint());
    const Timestamp event_time = Timestamp() + Duration::microseconds(detail::saturating_mul(time, unit));
    readings.push_back({SeriesId{static_cast<std::uint32_t>(series)}, event_time, get_number(in)});
    if (!in.ok()) return;
  }
}

unsigned fingerprint_flag(const JournaledBatch& batch) noexcept {
  if (batch.fingerprints.empty()) return 0;
  return batch.fingerprints.size() == 1 ? has_fingerprint : has_fingerprints;
}

void append_messages(std::string& out, const JournaledBatch& batch) {
  if (batch.fingerprints.size() > 1) put_varint(out, batch.fingerprints.size());
  for (const std::uint64_t fingerprint : batch.fingerprints) put_bytes(out, fingerprint, fingerprint_bytes);
  if (!batch.positions.empty()) put_varint(out, batch.positions.size());
  for (const JournaledPosition& position : batch.positions) {
    put_text(out, position.partition);
    put_text(out, position.bytes);
  }
  if (!batch.values.empty()) put_varint(out, batch.values.size());
  for (const JournaledValue& value : batch.values) {
    put_bytes(out, value.topic, hash_bytes);
    put_bytes(out, value.value, hash_bytes);
  }
}

void put_names(std::string& out, const std::vector<std::string>& names) {
  put_varint(out, names.size());
  for (const std::string& name : names) put_text(out, name);
}

std::vector<std::string> get_names(VarintReader& in) {
  std::vector<std::string> names;
  const std::uint64_t count = in.varint();
  for (std::uint64_t i = 0; in.has(count - i) && i < count; ++i) names.emplace_back(in.text());
  return names;
}

std::optional<JournalRecord> decode_run(std::string_view payload) {
  VarintReader in(payload);
  RunStart start;
  start.run = in.varint();
  start.state_id = in.varint();
  start.now = get_moment(in);
  start.sources = get_names(in);
  start.series_count = get_id(in);
  start.series_checksum = static_cast<std::uint32_t>(in.bytes(4));
  start.series_marks = in.text();
  if (in.ok() && !in.rest().empty()) start.options = in.text();
  if (in.ok() && !in.rest().empty()) {
    start.since_boot.boot = in.bytes(8);
    start.since_boot.age = Duration::microseconds(in.signed_varint());
  }
  if (!in.ok()) return std::nullopt;
  return start;
}

std::optional<JournalRecord> decode_series(std::string_view payload) {
  VarintReader in(payload);
  NewSeries added;
  added.id = SeriesId{get_id(in)};
  added.source = SourceId{get_id(in)};
  ByteReader names(in.rest());
  added.series = load_names(names);
  if (!in.ok() || !names.ok()) return std::nullopt;
  return added;
}

std::optional<JournalRecord> decode_connection(std::string_view payload) {
  VarintReader in(payload);
  JournaledConnection connection;
  connection.connected = in.bytes(1) != 0;
  connection.source = SourceId{get_id(in)};
  connection.now = get_anchor(in).moment;
  connection.unheard = Duration::microseconds(in.signed_varint());
  if (!in.ok()) return std::nullopt;
  return connection;
}

std::optional<JournalRecord> decode_clock_set(std::string_view payload) {
  VarintReader in(payload);
  const Moment now = get_anchor(in).moment;
  if (!in.ok()) return std::nullopt;
  return ClockSet{now};
}

std::optional<JournalRecord> decode_sources(std::string_view payload) {
  VarintReader in(payload);
  JournaledSources sources;
  sources.number = in.varint();
  sources.names = get_names(in);
  if (in.ok() && !in.rest().empty()) sources.options = in.text();
  if (!in.ok()) return std::nullopt;
  return sources;
}

std::optional<JournalRecord> decode_session(std::string_view payload) {
  VarintReader in(payload);
  JournaledSession session;
  session.is_new = in.bytes(1) != 0;
  session.source = SourceId{get_id(in)};
  const std::uint64_t in_flight = in.varint();
  in.require(in_flight <= JournaledSession::most_in_flight);
  session.in_flight = static_cast<std::uint32_t>(in_flight);
  session.name = in.text();
  session.notes = in.text();
  if (!in.ok()) return std::nullopt;
  return session;
}

std::optional<JournalRecord> decode_delivery(std::string_view payload) {
  VarintReader in(payload);
  JournaledDelivery delivery;
  delivery.sink = in.text();
  delivery.run = in.varint();
  delivery.epoch = in.varint();
  if (!in.ok()) return std::nullopt;
  return delivery;
}

std::optional<Moment> moment_of(const JournalRecord& record) noexcept {
  return std::visit(
      [](const auto& one) -> std::optional<Moment> {
        if constexpr (requires { one.now; }) {
          return one.now;
        } else if constexpr (requires { one.arrival; }) {
          return one.arrival;
        } else {
          return std::nullopt;
        }
      },
      record);
}

}  // namespace

void JournalContext::count(const RunStart& start) noexcept {
  series = 0;
  places = static_cast<std::uint8_t>(start.run);
}

void JournalContext::count(const JournaledSources& sources, std::uint64_t run) noexcept {
  places = static_cast<std::uint8_t>(run + sources.number);
}

void JournalEncoder::append_anchor(std::string& out, Moment moment) {
  put_moment(out, moment);
  put_before(out, moment, last_);
  put_bytes(out, context_.series, 1);
  put_bytes(out, context_.places, 1);
  last_ = moment;
  needs_anchor_ = false;
  bytes_behind_anchor_ = 0;
}

void JournalEncoder::append(std::string& out, const RunStart& start) {
  put_varint(out, start.run);
  put_varint(out, start.state_id);
  put_moment(out, start.now);
  put_names(out, start.sources);
  put_varint(out, start.series_count);
  put_bytes(out, start.series_checksum, 4);
  put_text(out, start.series_marks);
  const bool knows_boot = start.since_boot.boot != 0;
  if (!start.options.empty() || knows_boot) put_text(out, start.options);
  if (knows_boot) {
    put_bytes(out, start.since_boot.boot, 8);
    put_signed(out, start.since_boot.age.count());
  }
  last_ = start.now;
  context_.count(start);
  run_ = start.run;
}

void JournalEncoder::append(std::string& out, const NewSeries& added) {
  put_varint(out, index_of(added.id));
  put_varint(out, index_of(added.source));
  ByteWriter names(out);
  save_names(names, added.series);
  context_.count(added);
}

void JournalEncoder::append(std::string& out, const JournaledBatch& batch) {
  const std::size_t began = out.size();
  const Duration passed = last_ ? batch.arrival.running - last_->running : Duration::microseconds(-1);
  const bool whole = needs_anchor_ || bytes_behind_anchor_ >= anchor_bytes || passed < Duration() ||
                     batch.arrival.wall - last_->wall != passed;
  const bool milliseconds = all_in_milliseconds(batch.readings);
  put_bytes(
      out,
      static_cast<unsigned>(fingerprint_flag(batch) | (whole ? has_whole_moment : 0) |
                            (batch.refused.empty() ? 0 : has_refusals) | (milliseconds ? in_milliseconds : 0) |
                            (batch.positions.empty() ? 0 : has_positions) | (batch.values.empty() ? 0 : has_values)),
      1);
  put_varint(out, index_of(batch.source));
  if (whole) {
    append_anchor(out, batch.arrival);
  } else {
    put_varint(out, static_cast<std::uint64_t>(passed.count()));
    last_ = batch.arrival;
  }
  append_messages(out, batch);
  if (!batch.refused.empty()) put_varint(out, batch.refused.size());
  for (const RefusedCount& refused : batch.refused) {
    put_bytes(out, static_cast<std::uint64_t>(refused.reason), 1);
    put_varint(out, refused.readings);
  }
  append_readings(out, batch.readings, batch.arrival.wall, milliseconds ? millisecond : 1);
  bytes_behind_anchor_ += out.size() - began;
}

void JournalEncoder::append(std::string& out, const JournaledTick& tick) {
  put_bytes(out, static_cast<std::uint64_t>(tick.fire) | (tick.unheard.empty() ? 0 : has_unheard), 1);
  append_anchor(out, tick.now);
  put_varint(out, tick.epoch);
  put_varint(out, tick.listening);
  if (tick.unheard.empty()) return;
  put_varint(out, tick.unheard.size());
  for (const Duration unheard : tick.unheard) put_signed(out, unheard.count());
}

void JournalEncoder::append(std::string& out, const JournaledLate& late) {
  append(out, static_cast<const JournaledTick&>(late));
  put_text(out, late.window);
  put_varint(out, late.numbers.size());
  std::uint64_t before = 0;
  for (const std::uint64_t number : late.numbers) {
    put_varint(out, number - before);
    before = number;
  }
  append_readings(out, late.readings, late.now.wall, 1);
}

void JournalEncoder::append(std::string& out, const JournaledConnection& connection) {
  put_bytes(out, connection.connected ? 1 : 0, 1);
  put_varint(out, index_of(connection.source));
  append_anchor(out, connection.now);
  put_signed(out, connection.unheard.count());
}

void JournalEncoder::append(std::string& out, const ClockSet& set) {
  append_anchor(out, set.now);
}

void JournalEncoder::append(std::string& out, const JournaledSources& sources) {
  put_varint(out, sources.number);
  put_names(out, sources.names);
  if (!sources.options.empty()) put_text(out, sources.options);
  context_.count(sources, run_);
}

std::optional<JournalTime> time_of(std::uint8_t type, std::string_view payload) {
  VarintReader in(payload);
  JournalTime time;
  const auto take_anchor = [&] {
    const Anchor anchor = get_anchor(in);
    time = {anchor.moment, anchor.before, std::nullopt, anchor.context};
  };
  switch (static_cast<JournalType>(type)) {
    case JournalType::run:
      in.varint();
      in.varint();
      time.moment = get_moment(in);
      break;
    case JournalType::batch: {
      const std::uint64_t flags = in.bytes(1);
      in.varint();
      if ((flags & has_whole_moment) != 0) {
        take_anchor();
      } else {
        time.passed = Duration::microseconds(static_cast<std::int64_t>(in.varint()));
      }
      break;
    }
    case JournalType::tick:
    case JournalType::late:
      in.bytes(1);
      take_anchor();
      break;
    case JournalType::connection:
      in.bytes(1);
      in.varint();
      take_anchor();
      break;
    case JournalType::clock_set:
      take_anchor();
      break;
    default:
      break;
  }
  return in.ok() ? std::optional(time) : std::nullopt;
}

void JournalEncoder::append(std::string& out, const JournaledSession& session) {
  put_bytes(out, session.is_new ? 1 : 0, 1);
  put_varint(out, index_of(session.source));
  put_varint(out, session.in_flight);
  put_text(out, session.name);
  put_text(out, session.notes);
}

void JournalEncoder::append(std::string& out, const JournaledDelivery& delivery) {
  put_text(out, delivery.sink);
  put_varint(out, delivery.run);
  put_varint(out, delivery.epoch);
}

std::optional<JournalRecord> JournalDecoder::decode(std::uint8_t type, std::string_view payload) {
  std::optional<JournalRecord> record = decode_record(type, payload);
  if (!record) return record;
  if (const std::optional<Moment> moment = moment_of(*record)) last_ = moment;
  return record;
}

std::optional<JournalRecord> JournalDecoder::decode_record(std::uint8_t type, std::string_view payload) {
  switch (static_cast<JournalType>(type)) {
    case JournalType::run:
      return decode_run(payload);
    case JournalType::series:
      return decode_series(payload);
    case JournalType::batch:
      return decode_batch(payload);
    case JournalType::tick: {
      VarintReader in(payload);
      return read_tick(in);
    }
    case JournalType::connection:
      return decode_connection(payload);
    case JournalType::clock_set:
      return decode_clock_set(payload);
    case JournalType::sources:
      return decode_sources(payload);
    case JournalType::session:
      return decode_session(payload);
    case JournalType::delivered:
      return decode_delivery(payload);
    case JournalType::late:
      return decode_late(payload);
  }
  return std::nullopt;
}

std::optional<JournaledTick> JournalDecoder::read_tick(VarintReader& in) {
  const std::uint64_t flags = in.bytes(1);
  const std::uint64_t fire = flags & ~has_unheard;
  in.require(fire <= static_cast<std::uint64_t>(Fire::all));
  JournaledTick tick{get_anchor(in).moment, static_cast<Fire>(fire), 0, 0, {}};
  tick.epoch = in.varint();
  tick.listening = in.varint();
  unheard_.clear();
  const std::uint64_t count = (flags & has_unheard) != 0 ? in.varint() : 0;
  for (std::uint64_t i = 0; in.has(count - i) && i < count; ++i) {
    unheard_.push_back(Duration::microseconds(in.signed_varint()));
  }
  if (!in.ok()) return std::nullopt;
  tick.unheard = unheard_;
  return tick;
}

std::optional<JournalRecord> JournalDecoder::decode_late(std::string_view payload) {
  VarintReader in(payload);
  const std::optional<JournaledTick> tick = read_tick(in);
  if (!tick) return std::nullopt;
  JournaledLate late{*tick, in.text(), {}, {}};
  numbers_.clear();
  readings_.clear();
  const std::uint64_t count = in.varint();
  std::uint64_t number = 0;
  for (std::uint64_t i = 0; in.has(count - i) && i < count; ++i) numbers_.push_back(number += in.varint());
  read_readings(in, late.now.wall, 1, readings_);
  in.require(in.at_end() && numbers_.size() == readings_.size());
  if (!in.ok()) return std::nullopt;
  late.numbers = numbers_;
  late.readings = readings_;
  return late;
}

void JournalDecoder::read_messages(VarintReader& in, std::uint64_t flags) {
  std::uint64_t fingerprints = (flags & has_fingerprint) != 0 ? 1 : 0;
  if ((flags & has_fingerprints) != 0) fingerprints = in.varint();
  for (std::uint64_t i = 0; in.has(fingerprints - i) && i < fingerprints; ++i) {
    fingerprints_.push_back(in.bytes(fingerprint_bytes));
  }
  const std::uint64_t positions = (flags & has_positions) != 0 ? in.varint() : 0;
  for (std::uint64_t i = 0; in.has(positions - i) && i < positions; ++i) {
    const std::string_view partition = in.text();
    positions_.push_back({partition, in.text()});
  }
  const std::uint64_t values = (flags & has_values) != 0 ? in.varint() : 0;
  for (std::uint64_t i = 0; in.has(values - i) && i < values; ++i) {
    const std::uint64_t topic = in.bytes(hash_bytes);
    values_.push_back({topic, in.bytes(hash_bytes)});
  }
}

std::optional<JournalRecord> JournalDecoder::decode_batch(std::string_view payload) {
  fingerprints_.clear();
  positions_.clear();
  values_.clear();
  readings_.clear();
  refused_.clear();
  VarintReader in(payload);
  const std::uint64_t flags = in.bytes(1);
  JournaledBatch batch;
  batch.source = SourceId{get_id(in)};
  if ((flags & has_whole_moment) != 0) {
    batch.arrival = get_anchor(in).moment;
  } else {
    const Duration passed = Duration::microseconds(static_cast<std::int64_t>(in.varint()));
    if (!last_) return std::nullopt;
    batch.arrival = {last_->wall + passed, last_->running + passed};
  }
  read_messages(in, flags);
  const std::uint64_t refused = (flags & has_refusals) != 0 ? in.varint() : 0;
  for (std::uint64_t i = 0; in.has(refused - i) && i < refused; ++i) {
    const std::uint64_t reason = in.bytes(1);
    in.require(reason < refusal_count);
    refused_.push_back({static_cast<Refusal>(reason), in.varint()});
  }
  read_readings(in, batch.arrival.wall, (flags & in_milliseconds) != 0 ? millisecond : 1, readings_);
  in.require(in.at_end());
  if (!in.ok()) return std::nullopt;
  batch.fingerprints = fingerprints_;
  batch.positions = positions_;
  batch.values = values_;
  batch.readings = readings_;
  batch.refused = refused_;
  return batch;
}

}  // namespace edgetide
