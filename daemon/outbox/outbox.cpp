#include "daemon/outbox/outbox.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "daemon/outbox/newest_rows.h"
#include "daemon/outbox/row_merge.h"

namespace edgetide {

namespace {

constexpr std::size_t write_bytes = 256 * 1024;  // of memory, that one write and sync may cover
constexpr std::size_t memory_limit = 64 * 1024 * 1024;
constexpr unsigned max_read_tries = 20;      // a quarter of an hour, before what a disk cannot read counts as lost
constexpr std::uint64_t delivery_parts = 4;  // of the bound: what is delivered at once where rows may be dropped
constexpr std::uint64_t bound_parts = 8;     // of the bound: a segment, and what is delivered before it is journaled
constexpr std::uint64_t min_segment_bytes = 32 * 1024;
constexpr std::size_t never = std::numeric_limits<std::size_t>::max();

std::shared_ptr<const RowBatch> as_one(const std::vector<std::shared_ptr<const RowBatch>>& batches) {
  return batches.size() == 1 ? batches.front() : std::make_shared<const RowBatch>(merged(batches));
}

std::uint64_t segment_bytes_of(const OutboxOptions& options) noexcept {
  return std::clamp<std::uint64_t>(options.max_bytes / bound_parts, min_segment_bytes, SpillLog::max_segment_bytes);
}

}  // namespace

Outbox::Outbox(OutboxOptions options, const SinkTraits& traits, std::vector<WindowSchema> inputs, FileSystem& files,
               LogLocation location, OutboxEvents events)
    : options_(options),
      traits_(traits),
      inputs_(std::move(inputs)),
      events_(std::move(events)),
      spill_above_(options.max_memory),
      log_(files, location, segment_bytes_of(options)),
      reader_(files, std::move(location)) {
  const MutexLock lock(mutex_);
  note_room();
}

std::variant<std::optional<EpochId>, LogRefusal> Outbox::recover(const SpillExtent& known, std::uint64_t run) {
  auto found = log_.recover(known, run);
  if (auto* const refusal = std::get_if<LogRefusal>(&found)) return std::move(*refusal);
  const auto& recovered = std::get<Recovered>(found);
  const MutexLock lock(mutex_);
  lost_ = recovered.lost;
  confirmed_before_ = known.confirmed;
  std::optional<EpochId> newest;
  for (const SpilledBatch& spilled : recovered.batches) {
    const EpochRange epochs = spilled.head.epochs;
    waiting_.add({.epochs = epochs,
                  .rows = spilled.head.rows,
                  .batch = nullptr,
                  .record = spilled.record,
                  .record_bytes = spilled.record_bytes});
    newest = std::max(newest, std::optional(epochs.last));
  }
  make_room();
  note_room();
  return newest;
}

void Outbox::adopt(Outbox& former) {
  const MutexLock lock(mutex_);
  const MutexLock former_lock(former.mutex_);  // in this order without a deadlock: `former` has no other user
  waiting_ = std::move(former.waiting_);
  delivered_ = former.delivered_;
  confirmed_before_ = former.confirmed_before_;
  dropped_rows_ = former.dropped_rows_;
  lost_ = former.lost_;
  loss_is_sure_ = true;
  unmarked_ = former.unmarked_;
  log_.adopt(former.log_);
  if (inputs_ != former.inputs_) drop_memory();
  make_room();
  note_room();
}

// Copies in memory speak of columns by their position, those on disk by name.
void Outbox::drop_memory() {
  for (std::size_t i = waiting_.size(); i-- > 0;) {
    if (waiting_[i].record == 0) {
      dropped_rows_ += waiting_.take(i).rows;
    } else if (waiting_[i].batch) {
      waiting_.release(i);
    }
  }
}

void Outbox::push(RowBatch batch) {
  const EpochId id = batch.id;
  const EpochRange epochs{id, id};
  WaitingBatch added = unspilled_batch(epochs, std::make_shared<const RowBatch>(std::move(batch)));
  const std::size_t bytes = added.unspilled_bytes;
  const double growth = static_cast<double>(bytes) / static_cast<double>(added.batch_bytes);
  std::vector<WaitingBatch> dropped;  // is freed after the lock
  bool spill_wanted = false;
  {
    const MutexLock lock(mutex_);
    expected_ -= std::min<std::uint64_t>(expected_, bytes);
    // A replay makes epochs again that were stored or spilled (DURABILITY.md, "the daemon dies at any operation").
    if (id <= delivered_ || !waiting_.add(std::move(added))) return;
    growth_ = std::max(growth, growth_ * 0.9 + growth * 0.1);
    dropped = make_room();
    note_room();
    spill_wanted = waiting_.batch_bytes() > spill_above_;
    if (spill_wanted) spill_above_ = never;  // until it was tried
  }
  if (spill_wanted && events_.spill_wanted) events_.spill_wanted();
}

std::vector<WaitingBatch> Outbox::make_room() {
  std::vector<WaitingBatch> freed;
  if (options_.when_full == WhenFull::drop_oldest) {
    while (const std::optional<std::size_t> next = next_to_drop()) {
      freed.push_back(waiting_.take(*next));
      dropped_rows_ += freed.back().rows;
    }
    if (sink_fails_ || waiting_.size() > 1) cut_newest(freed);
  }
  release_copies(freed);
  return freed;
}

// An epoch that is larger than the bound goes whole to a sink that is free to take it, and does not wait elsewhere.
void Outbox::cut_newest(std::vector<WaitingBatch>& dropped) {
  if (waiting_.bytes() <= options_.max_bytes || waiting_.empty()) return;
  const std::size_t position = waiting_.size() - 1;
  if (!waiting_[position].batch || (with_sink_ && position < waiting_.first_after(in_hand_))) return;
  WaitingBatch whole = waiting_.take(position);
  const std::uint64_t left = options_.max_bytes - std::min<std::uint64_t>(options_.max_bytes, waiting_.bytes());
  const std::uint64_t room = std::max<std::uint64_t>(left, options_.max_bytes / delivery_parts);
  const std::uint64_t beside_rows =
      sizeof(WaitingBatch) + sizeof(RowBatch) + whole.batch->windows.size() * sizeof(WindowRows);
  const std::uint64_t share = whole.rows * (room - std::min(room, beside_rows)) / (whole.unspilled_bytes + 1);
  const std::size_t kept = std::max<std::size_t>(1, static_cast<std::size_t>(share));
  dropped_rows_ += whole.rows - std::min(kept, whole.rows);
  waiting_.add(unspilled_batch(whole.epochs, std::make_shared<const RowBatch>(newest_rows(*whole.batch, kept))));
  dropped.push_back(std::move(whole));
}

void Outbox::release_copies(std::vector<WaitingBatch>& freed) {
  for (std::size_t i = 0; i < waiting_.size(); ++i) {
    if (waiting_.bytes() + waiting_.copy_bytes() <= options_.max_bytes || waiting_.copy_bytes() == 0) return;
    if (waiting_[i].record != 0 && waiting_[i].batch) freed.push_back({.epochs = {}, .batch = waiting_.release(i)});
  }
}

// Behind what is being delivered, and never the newest. Where memory alone is short, one that is not on disk.
std::optional<std::size_t> Outbox::next_to_drop() const noexcept {
  const bool over = waiting_.bytes() > options_.max_bytes;
  if (!over && waiting_.memory_bytes() <= memory_limit) return std::nullopt;
  std::size_t position = with_sink_ ? waiting_.first_after(in_hand_) : 0;
  while (!over && position < waiting_.size() && waiting_[position].record != 0) ++position;
  return position + 1 < waiting_.size() ? std::optional(position) : std::nullopt;
}

// A replay would bring again what is delivered and not yet journaled.
std::uint64_t Outbox::used() const noexcept {
  return waiting_.bytes() + expected_ + unmarked_;
}

// With `block` rows are never dropped: intake waits instead (DURABILITY.md, "a store cannot be reached").
bool Outbox::is_full(std::uint64_t used) const noexcept {
  return options_.when_full == WhenFull::block &&
         (used >= options_.max_bytes || waiting_.memory_bytes() + expected_ >= memory_limit);
}

// Whether it was full.
bool Outbox::note_room() noexcept {
  const auto left = [](std::uint64_t bound, std::uint64_t used) { return bound - std::min(bound, used); };
  const auto in_memory = [growth = growth_](std::uint64_t bytes) {
    return static_cast<std::uint64_t>(std::ceil(static_cast<double>(bytes) / growth));
  };
  const std::uint64_t memory = left(memory_limit, waiting_.memory_bytes() + expected_);
  room_ = std::min(in_memory(left(options_.max_bytes, used())), memory);
  capacity_ = std::min<std::uint64_t>(in_memory(options_.max_bytes), memory_limit);
  return full_.exchange(is_full(used()));
}

void Outbox::expect(const RowBatch& batch) {
  const std::size_t bytes = bytes_of(batch);
  const MutexLock lock(mutex_);
  expected_ += bytes;
  note_room();
}

bool Outbox::empty() const {
  const MutexLock lock(mutex_);
  return waiting_.empty();
}

OutboxStatus Outbox::status() const {
  const MutexLock lock(mutex_);
  return {.waiting_rows = waiting_.rows(),
          .spilled_rows = waiting_.spilled_rows(),
          .spilled_bytes = waiting_.spilled_bytes(),
          .memory_bytes = waiting_.memory_bytes(),
          .dropped_rows = dropped_rows_,
          .lost = lost_,
          .error = error_};
}

Outbox::Taken Outbox::take() {
  while (true) {
    const std::vector<WaitingBatch> wanted = oldest();
    if (wanted.empty()) return {};
    std::vector<std::shared_ptr<const RowBatch>> batches;
    for (const WaitingBatch& waiting : wanted) {
      Taken one = waiting.batch ? Taken{waiting.batch, {}} : read(waiting);
      if (!one.error.empty() && batches.empty()) return one;
      if (!one.error.empty()) break;
      if (one.batch) batches.push_back(std::move(one.batch));
    }
    if (!batches.empty()) return {as_one(batches), {}};
  }
}

std::vector<WaitingBatch> Outbox::oldest() {
  const MutexLock lock(mutex_);
  std::vector<WaitingBatch> batches;
  std::size_t rows = 0;
  std::uint64_t bytes = 0;
  // What is being delivered cannot be dropped: where rows may be, it is but a part of what the bound allows.
  const std::uint64_t most =
      may_block() ? traits_.max_bytes : std::min<std::uint64_t>(traits_.max_bytes, options_.max_bytes / delivery_parts);
  for (std::size_t i = 0; i < waiting_.size(); ++i) {
    rows += waiting_[i].rows;
    bytes += std::max<std::uint64_t>(waiting_[i].batch_bytes, waiting_[i].record_bytes);
    if (i > 0 && (!newest_rows_only() || rows > traits_.max_rows || bytes > most)) break;
    batches.push_back(waiting_[i]);
    in_hand_ = waiting_[i].epochs.last;
    with_sink_ = true;
  }
  return batches;
}

// Neither a batch nor error: it is lost, and counted.
Outbox::Taken Outbox::read(const WaitingBatch& wanted) {
  SpillReader::Answer answer = reader_.read(wanted.record, wanted.epochs, inputs_);
  if (!answer.error.empty() && ++read_tries_ < max_read_tries) return {nullptr, std::move(answer.error)};
  read_tries_ = 0;
  const MutexLock lock(mutex_);
  if (answer.batch) {
    dropped_rows_ += answer.batch->rows_without_window;
    return {std::make_shared<const RowBatch>(std::move(answer.batch->batch)), {}};
  }
  ++lost_.records;
  lost_.rows += wanted.rows;
  lost_.last = std::max(lost_.last, wanted.epochs.last);
  loss_is_sure_ = true;
  waiting_.take(waiting_.first_after(wanted.epochs.last) - 1);
  return {};
}

void Outbox::stored_through(EpochId id) {
  note_stored(id, true);
}

void Outbox::already_stored(EpochId id) {
  note_stored(id, false);
}

void Outbox::note_stored(EpochId id, bool delivered) {
  std::vector<WaitingBatch> stored;  // is freed after the lock
  bool gets_room = false;
  {
    const MutexLock lock(mutex_);
    const std::uint64_t before = waiting_.bytes();
    stored = waiting_.take_through(id);
    delivered_ = std::max(delivered_, id);
    unmarked_ += delivered ? before - waiting_.bytes() : 0;
    if (!delivered && !loss_is_sure_ && lost_.last != EpochId{} && lost_.last <= id) lost_ = {};
    loss_is_sure_ = loss_is_sure_ || delivered;
    if (delivered) with_sink_ = sink_fails_ = false;
    gets_room = note_room() && !is_full(used() - unmarked_);  // who asks for it calls `take_delivered`
  }
  if (gets_room && events_.room) events_.room();
}

void Outbox::put_back() {
  std::vector<WaitingBatch> dropped;  // is freed after the lock
  const MutexLock lock(mutex_);
  with_sink_ = false;
  sink_fails_ = true;
  dropped = make_room();
  note_room();
}

EpochId Outbox::delivered() const {
  const MutexLock lock(mutex_);
  return delivered_;
}

std::size_t Outbox::set_back(EpochId stored, std::vector<std::shared_ptr<const RowBatch>> again) {
  std::vector<WaitingBatch> dropped;  // is freed after the lock
  const MutexLock lock(mutex_);
  delivered_ = confirmed_before_ = stored;
  with_sink_ = false;
  std::size_t rows = 0;
  for (std::shared_ptr<const RowBatch>& batch : again) {
    const EpochRange epochs{batch->id, batch->id};
    const std::size_t batch_rows = batch->row_count();
    if (waiting_.add(unspilled_batch(epochs, std::move(batch)))) rows += batch_rows;
  }
  dropped = make_room();
  note_room();
  return rows;
}

std::optional<EpochId> Outbox::take_delivered() {
  const MutexLock lock(mutex_);
  const std::uint64_t part = std::min<std::uint64_t>(options_.max_bytes, memory_limit) / bound_parts;
  if (unmarked_ == 0 || unmarked_ < part) return std::nullopt;
  unmarked_ = 0;
  note_room();
  return delivered_;
}

std::error_code Outbox::spill(EpochId through) {
  cut_before_spill();
  std::error_code error;
  for (auto pieces = unspilled(through); !error && !pieces.empty();) {
    error = write(pieces);
    if (!error) pieces = unspilled(through);
  }
  lower_memory(options_.max_memory);
  finish_spill(error);
  return error;
}

void Outbox::cut_before_spill() {
  std::vector<WaitingBatch> dropped;  // is freed after the lock
  const MutexLock lock(mutex_);
  if (options_.when_full == WhenFull::drop_oldest) cut_newest(dropped);
}

std::error_code Outbox::spill_excess() {
  {
    const MutexLock lock(mutex_);
    if (waiting_.batch_bytes() <= options_.max_memory) return {};
  }
  std::error_code error;
  while (!error && !lower_memory(options_.max_memory / 2)) {
    auto pieces = unspilled(latest_epoch);
    if (pieces.empty()) break;
    error = write(pieces);
  }
  finish_spill(error);
  return error;
}

// The next ones for one write.
std::vector<Outbox::Piece> Outbox::unspilled(EpochId through) const {
  const MutexLock lock(mutex_);
  std::vector<Piece> pieces;
  std::size_t bytes = 0;
  const std::uint64_t most = std::min<std::uint64_t>(write_bytes, segment_bytes_of(options_));
  bool adjacent = false;
  for (std::size_t i = 0; i < waiting_.size() && waiting_[i].epochs.last <= through; ++i) {
    const WaitingBatch& next = waiting_[i];
    const bool wanted = next.record == 0;
    if (wanted && !(adjacent && joins(next, pieces.back()))) {
      if (bytes >= most) break;
      pieces.push_back({{next.epochs.first, {}}, 0, {}, nullptr, 0});
    }
    adjacent = wanted;
    if (!wanted) continue;
    bytes += next.batch_bytes;
    pieces.back().epochs.last = next.epochs.last;
    pieces.back().rows += next.rows;
    pieces.back().batches.push_back(next.batch);
  }
  return pieces;
}

// What is being delivered stays apart, so that it is not delivered again.
bool Outbox::joins(const WaitingBatch& next, const Piece& piece) const noexcept {
  const bool parted = piece.epochs.last <= in_hand_ && in_hand_ < next.epochs.last;
  return newest_rows_only() && !parted && piece.rows + next.rows <= traits_.max_rows;
}

std::error_code Outbox::write(std::vector<Piece>& pieces) {
  for (Piece& piece : pieces) {
    piece.whole = as_one(piece.batches);
    piece.record_bytes = log_.add(piece.epochs.first, *piece.whole, inputs_);
  }
  const FileResult<std::uint64_t> committed = log_.commit();
  if (committed.error) return committed.error;
  // Only now, after the sync: what counts as on disk may leave memory (DURABILITY.md, "a sync fails").
  std::uint64_t record = committed.value;
  std::vector<WaitingBatch> freed;  // after the lock
  const MutexLock lock(mutex_);
  for (const Piece& piece : pieces) {
    WaitingBatch written = unspilled_batch(piece.epochs, piece.whole);
    written.record = record++;
    written.record_bytes = piece.record_bytes;
    waiting_.replace(piece.epochs, std::move(written));
  }
  freed = make_room();
  return {};
}

// Lets go of the oldest copies of what is on disk. True if that was enough.
bool Outbox::lower_memory(std::size_t target) {
  std::vector<std::shared_ptr<const RowBatch>> copies;  // are freed after the lock
  const MutexLock lock(mutex_);
  for (std::size_t i = 0; i < waiting_.size() && waiting_.batch_bytes() > target; ++i) {
    if (waiting_[i].record != 0 && waiting_[i].batch) copies.push_back(waiting_.release(i));
  }
  return waiting_.batch_bytes() <= target;
}

void Outbox::finish_spill(std::error_code error) {
  // Whole segments, once the store has all their rows (DURABILITY.md, "a store cannot be reached").
  const std::error_code removal = log_.remove_before(spilled().first_record);
  if (!error) error = removal;
  bool was_full = false;
  {
    const MutexLock lock(mutex_);
    error_ = error ? log_.location().folder + ": " + error.message() : std::string();
    // Not again before memory has grown, whatever this one has brought.
    spill_above_ = std::max(options_.max_memory, waiting_.batch_bytes() + options_.max_memory / 4);
    was_full = note_room();
  }
  if (was_full && !full_ && events_.room) events_.room();
}

SpillExtent Outbox::spilled() const {
  const MutexLock lock(mutex_);
  const std::uint64_t next = log_.next_record();
  return {waiting_.first_record().value_or(next), next, waiting_.spilled_rows(), waiting_.last_spilled(),
          std::max(delivered_, confirmed_before_)};
}

}  // namespace edgetide
