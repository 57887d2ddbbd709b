#include "daemon/storage/journal_inputs.h"

#include <utility>

namespace edgetide {

namespace {

bool is(std::uint8_t type, JournalType wanted) noexcept {
  return type == static_cast<std::uint8_t>(wanted);
}

}  // namespace

JournalInputs::JournalInputs(RecordLogReader& reader, std::optional<Start> start)
    : reader_(reader), knows_context_(start.has_value()) {
  if (!start) return;
  expected_ = start->record;
  context_ = start->context;
  run_ = start->run;
}

std::optional<JournalRecord> JournalInputs::next() {
  while (true) {
    if (std::exchange(given_, false)) waiting_.pop_front();
    if (!unplaced_ && !waiting_.empty()) {
      const Waiting& first = waiting_.front();
      given_ = true;
      number_ = first.number;
      if (auto record = decoder_.decode(first.type, first.payload)) return record;
      ++unknown_records_;
      continue;
    }
    if (ended_) return std::nullopt;
    read_on();
    if (direct_) return std::exchange(direct_, std::nullopt);
  }
}

std::optional<JournalGap> JournalInputs::take_gap() noexcept {
  return std::exchange(reported_gap_, std::nullopt);
}

void JournalInputs::read_on() {
  const std::optional<Record> record = reader_.next();
  if (record) return take(*record);
  ended_ = true;
  drop_batches();
  unplaced_ = false;
}

void JournalInputs::take(const Record& record) {
  if (expected_ && record.number != *expected_) note_gap(record.number - *expected_);
  expected_ = record.number + 1;
  const std::optional<JournalTime> time = time_of(record.type, record.payload);
  if (!time) {
    ++unknown_records_;
    return note_gap(1);  // it may have had a time, or defined something
  }
  count_definition(record);
  if (time->passed && !decoder_.knows_moment()) unplaced_ = true;
  if (unplaced_) {
    if (time->moment) place(*time);
    return wait(record);
  }
  if (time->context) context_ = *time->context;
  number_ = record.number;
  direct_ = decoder_.decode(record.type, record.payload);
  if (direct_) return;
  ++unknown_records_;
  note_gap(1);
}

// What waits already can no longer be placed: the chain of times is broken behind it too.
void JournalInputs::note_gap(std::uint64_t records) {
  drop_batches();
  decoder_.set_moment(std::nullopt);
  unplaced_ = true;
  gap_.records += records;
}

void JournalInputs::wait(const Record& record) {
  waiting_bytes_ += record.payload.size();
  waiting_.push_back({record.number, record.type, std::string(record.payload)});
  if (unplaced_ && waiting_bytes_ > max_waiting_bytes) drop_batches();
}

// The times of those that wait, from the last to the first.
void JournalInputs::place(const JournalTime& anchor) {
  if (anchor.context && knows_context_) {
    gap_.series = anchor.context->series != context_.series;
    gap_.places = anchor.context->places != context_.places;
  }
  if (anchor.context) {
    context_ = *anchor.context;
    knows_context_ = true;
  }
  if (anchor.before) {
    Moment at = *anchor.before;
    for (const Waiting& waiting : waiting_) {
      const Duration passed =
          time_of(waiting.type, waiting.payload).value_or(JournalTime()).passed.value_or(Duration());
      at = {at.wall - passed, at.running - passed};
    }
    decoder_.set_moment(at);
  } else {
    drop_batches();
  }
  waiting_bytes_ = 0;
  unplaced_ = false;
  reported_gap_ = std::exchange(gap_, {});
}

void JournalInputs::drop_batches() {
  JournalDecoder decoder;
  std::erase_if(waiting_, [&](const Waiting& waiting) {
    if (!is(waiting.type, JournalType::batch)) return false;
    decoder.set_moment(Moment());
    const auto record = decoder.decode(waiting.type, waiting.payload);
    if (record) unplaced_readings_ += std::get<JournaledBatch>(*record).readings.size();
    return true;
  });
  waiting_bytes_ = 0;
}

void JournalInputs::count_definition(const Record& record) {
  if (is(record.type, JournalType::series)) {
    ++context_.series;
    return;
  }
  if (!is(record.type, JournalType::run) && !is(record.type, JournalType::sources)) return;
  const auto decoded = JournalDecoder().decode(record.type, record.payload);
  if (!decoded) return;
  if (const auto* const start = std::get_if<RunStart>(&*decoded)) {
    context_.count(*start);
    run_ = start->run;
    knows_context_ = true;
  } else {
    context_.count(std::get<JournaledSources>(*decoded), run_);
  }
}

}  // namespace edgetide
