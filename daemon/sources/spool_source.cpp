#include "daemon/sources/spool_source.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <limits>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <sys/epoll.h>
#include <system_error>
#include <utility>
#include <vector>

#include "daemon/sources/done_list.h"
#include "daemon/sources/events_on_loop.h"
#include "daemon/sources/file_content.h"
#include "daemon/sources/spool_file.h"
#include "daemon/sources/spool_folder.h"
#include "pipeline/whole_number.h"

namespace edgetide {

namespace {

constexpr std::size_t read_bytes = 64 * 1024;
constexpr std::size_t max_compared_bytes = 64 * 1024 * 1024;  // of files whose time has changed, at a look
constexpr std::chrono::milliseconds between_looks{50};        // at least, when names change
constexpr std::chrono::seconds old_enough{60};                // what has not changed for so long has its end at once
constexpr std::chrono::seconds rotated_for{60};  // so long a file with another name may still be written to

std::chrono::microseconds duration_of(Duration duration) {
  return std::chrono::microseconds(duration.count());
}

bool is_old(const FoundFile& file) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::nanoseconds(file.changed_ns) < now - old_enough;
}

std::uint32_t offset_of(std::uint64_t at) {
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(at, std::numeric_limits<std::uint32_t>::max()));
}

// A file that was begun, by this run or an earlier one, and is to be found again.
struct BegunFile {
  unsigned slot;
  SpoolPosition position;
};

class SpoolSource final : public Source, private EventsOnLoop {
 public:
  SpoolSource(SpoolOptions options, SourceId id, SourceHost& host, EventLoop& loop)
      : EventsOnLoop(host, loop),
        options_(std::move(options)),
        id_(id),
        router_({options_.route}),
        folder_(options_),
        done_list_(options_.when_done == WhenDone::keep && !options_.tail ? options_.done_list : std::string()) {
    const MappingOptions& mapping = options_.route.mapping;
    has_header_ = mapping.format->has_header && mapping.columns.empty();
  }
  ~SpoolSource() override { stop(); }

  void start() override;
  void stop() noexcept override;
  std::optional<Liveness> liveness(SourceId) noexcept override;
  std::optional<FileCounts> files(SourceId) noexcept override;

 private:
  struct Offered {
    SpoolFile* file;
    SpoolPosition next;
  };

  void restore_positions();
  void begin();
  void look();
  bool ensure_open();
  void reopen();
  void take_begun(const std::vector<FoundFile>& files);
  void take_begun(const BegunFile& begun, const FoundFile& found);
  void take_new(const std::vector<FoundFile>& files);
  bool is_new(const FoundFile& found);
  std::optional<std::uint64_t> content_of(const FoundFile& found) const;
  void note_names(const std::vector<FoundFile>& files);
  void note_waiting();
  std::optional<unsigned> free_slot() const;
  void turn();
  void wake(EventLoop::Time at);
  SpoolFile* next_to_read();
  void rest();
  void check_end(SpoolFile& file, EventLoop::Time now);
  void check_growth(SpoolFile& file, EventLoop::Time now);
  void check_content(SpoolFile& file);
  void check_rotated(SpoolFile& file, EventLoop::Time now);
  bool open(SpoolFile& file);
  void begin_again(SpoolFile& file);
  void read_again(SpoolFile& file);
  void read(SpoolFile& file);
  void reach_end(SpoolFile& file, const FileBytes::Piece& piece);
  void decode(std::string_view name, std::string_view text, std::uint64_t at, std::string_view header);
  void refuse(std::string_view name, Refusal reason, std::uint64_t at);
  void end_file(SpoolFile& file);
  void offer(SpoolFile& file, SpoolPosition next);
  void offer_again() override;
  void note_taken(const Offered& offered, std::uint64_t record);
  void give_back();
  void acknowledge(std::uint64_t through) override;
  void put_away();
  void finish(const std::string& error);
  void erase(const SpoolFile& file);
  void impair(std::string problem);

  const SpoolOptions options_;
  const SourceId id_;
  bool has_header_ = false;
  // Of the files that have something to be read, and of those that are done.
  std::atomic<bool> is_waiting_ = false;
  std::atomic<std::uint64_t> waiting_ = 0, done_ = 0;
  std::atomic<std::int64_t> first_changed_ns_ = 0;

  // The loop's thread only, while it runs.
  Router router_;
  SpoolFolder folder_;
  DoneList done_list_;
  std::vector<BegunFile> begun_;
  std::vector<std::unique_ptr<SpoolFile>> files_;  // in the order in which they were taken
  std::uint64_t sequence_ = 0;
  std::size_t next_ = 0;               // with `tail`: whose turn it is
  std::size_t waiting_files_ = 0;      // beyond max_files, at the last look
  std::uint64_t compared_bytes_ = 0;   // with those of the list, at the last look
  std::int64_t waiting_since_ns_ = 0;  // when the first of them changed
  std::string buffer_ = std::string(read_bytes, '\0');
  DecodedBatch batch_;
  std::optional<Offered> offered_;  // `batch_`, which the host held back
  bool is_refused_ = false;         // nothing may wait: nothing is read until something may
  std::uint64_t durable_ = 0;
  std::string problem_;
  bool is_connected_ = false;
  EventLoop::Time looked_at_{};
  std::optional<EventLoop::Watch> changes_;
  std::optional<EventLoop::Timer> turn_timer_, look_timer_;

  std::optional<EventLoop::Use> use_;
};

void SpoolSource::start() {
  folder_.open();
  done_list_.open();
  use_.emplace(loop());
  host().attach(id_, *this);
  restore_positions();
  loop().call([this] { begin(); });
}

void SpoolSource::stop() noexcept {
  if (use_) {
    host().detach(id_);
    loop().call([this] {
      changes_.reset(), turn_timer_.reset(), look_timer_.reset();
      offered_.reset();
      files_.clear();
    });
    use_.reset();
    host().disconnected(id_, {});
    is_connected_ = false;
  }
  folder_.close();
}

// While there is something to read, what a silent sensor has sent may be in it.
std::optional<Liveness> SpoolSource::liveness(SourceId) noexcept {
  if (!is_waiting_) return std::nullopt;
  return Liveness{.silent_for = Duration(), .waiting = true};
}

std::optional<FileCounts> SpoolSource::files(SourceId) noexcept {
  FileCounts counts{done_, waiting_, Duration()};
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const std::chrono::nanoseconds age = now - std::chrono::nanoseconds(first_changed_ns_);
  if (counts.waiting > 0) counts.lag = Duration::microseconds(std::max<std::int64_t>(0, age.count() / 1000));
  return counts;
}

void SpoolSource::restore_positions() {
  begun_.clear();
  for (const StoredPosition& stored : host().positions(id_)) {
    router_.restore_state(stored.partition, stored.bytes);
    const auto slot = whole_number<unsigned>(stored.partition);
    auto position = parse_spool_position(stored.bytes);
    if (!slot || *slot >= max_spool_files || !position) continue;
    sequence_ = std::max(sequence_, position->sequence);
    begun_.push_back({*slot, std::move(*position)});
  }
  std::sort(begun_.begin(), begun_.end(),
            [](const BegunFile& a, const BegunFile& b) { return a.position.sequence > b.position.sequence; });
}

void SpoolSource::begin() {
  turn_timer_.emplace(loop(), [this] { turn(); });
  look_timer_.emplace(loop(), [this] { look(); });
  reopen();
  look();
}

// ---- the folder

// The descriptors are new.
void SpoolSource::reopen() {
  changes_.reset();
  if (folder_.changes() >= 0) {
    changes_.emplace(loop(), folder_.changes(), EPOLLIN, [this](std::uint32_t) {
      const SpoolFolder::Change change = folder_.read_changes();
      if (change.names) look_timer_->set(std::min(look_timer_->time(), looked_at_ + between_looks));
      if (change.content) wake(std::chrono::steady_clock::now());
    });
  }
  is_connected_ = true;
  host().connected(id_, options_.folder);
}

// Files of a folder that is lost are begun files of the one that is found in its place.
bool SpoolSource::ensure_open() {
  if (folder_.is_current()) return true;
  changes_.reset();
  offered_.reset();
  for (const auto& file : files_) begun_.push_back({file->slot, file->taken});
  files_.clear();
  folder_.close();
  try {
    folder_.open();
    reopen();
    return true;
  } catch (const std::runtime_error& error) {
    folder_.close();
    if (std::exchange(is_connected_, false)) host().disconnected(id_, error.what());
    impair(error.what());
    return false;
  }
}

void SpoolSource::look() {
  looked_at_ = std::chrono::steady_clock::now();
  look_timer_->set(looked_at_ + duration_of(options_.look_interval));
  problem_.clear();
  if (!ensure_open()) return note_waiting();
  const std::optional<std::vector<FoundFile>> files = folder_.list();
  if (!files) return impair("folder " + options_.folder + " cannot be listed");
  if (files->size() < max_listed_files) done_list_.keep(*files);
  if (!offered_) put_away();
  note_names(*files);
  take_begun(*files);
  take_new(*files);
  for (std::size_t i = files_.size(); i-- > 0;) {
    if (files_[i]->state == SpoolFile::State::blocked) open(*files_[i]);
  }
  host().impaired(id_, problem_);
  wake(std::chrono::steady_clock::now());
}

// By its name, or by its number where it has got another name.
void SpoolSource::take_begun(const std::vector<FoundFile>& files) {
  for (const BegunFile& begun : std::exchange(begun_, {})) {
    std::optional<FoundFile> found = folder_.find(begun.position.name);
    if (!found || found->inode != begun.position.inode) {
      const auto renamed = std::find_if(files.begin(), files.end(),
                                        [&](const FoundFile& file) { return file.inode == begun.position.inode; });
      if (renamed == files.end()) continue;
      found = *renamed;
    }
    if (found->is_taken || options_.tail) take_begun(begun, *found);
  }
}

// A number that several positions have is that of the file that was begun last.
void SpoolSource::take_begun(const BegunFile& begun, const FoundFile& found) {
  for (const auto& file : files_) {
    if (file->found.inode == found.inode) return;
  }
  auto file = std::make_unique<SpoolFile>(SpoolFile{.slot = begun.slot, .found = found, .taken = begun.position});
  file->changed_at = looked_at_;
  file->is_matched = found.is_taken;
  file->taken.name = found.name;
  if (begun.position.is_done && !options_.tail) {
    if (found.changed_ns != begun.position.changed_ns || found.size != begun.position.size) return;
    file->state = SpoolFile::State::at_end;
  } else {
    file->taken.is_done = false;
  }
  files_.push_back(std::move(file));
}

void SpoolSource::take_new(const std::vector<FoundFile>& files) {
  std::set<std::uint64_t> known;
  for (const auto& file : files_) known.insert(file->found.inode);
  waiting_files_ = 0;
  compared_bytes_ = 0;
  for (const FoundFile& found : files) {
    if (!found.is_taken || known.contains(found.inode) || !is_new(found)) continue;
    const std::optional<unsigned> slot = files_.size() < options_.max_files ? free_slot() : std::nullopt;
    if (!slot) {
      if (waiting_files_++ == 0) waiting_since_ns_ = found.changed_ns;
      continue;
    }
    files_.push_back(std::make_unique<SpoolFile>(SpoolFile{.slot = *slot, .found = found}));
    SpoolFile& file = *files_.back();
    file.changed_at = looked_at_;
    file.taken.sequence = ++sequence_;
    file.taken.inode = found.inode;
    file.taken.name = found.name;
  }
  note_waiting();
  const auto taken = std::count_if(files.begin(), files.end(), [](const FoundFile& file) { return file.is_taken; });
  if (static_cast<std::size_t>(taken) == max_listed_files && files_.empty()) {
    problem_ = options_.folder + " has too many files";
  }
  if (options_.tail && waiting_files_ > 0) {
    problem_ =
        std::to_string(waiting_files_) + " files are not followed: there are more than max_files; narrow 'match'";
  }
}

// One that is done is not if its time alone has changed. Beyond max_compared_bytes that is found at the next look.
bool SpoolSource::is_new(const FoundFile& found) {
  if (done_list_.has(found)) return false;
  const std::optional<std::uint64_t> content = done_list_.content_of(found);
  if (!content) return true;
  if (compared_bytes_ >= max_compared_bytes) {
    look_timer_->set(looked_at_ + between_looks);
    return false;
  }
  compared_bytes_ += std::min<std::uint64_t>(found.size, max_hashed_bytes);
  if (content_of(found) != content) return true;
  const std::string problem = done_list_.add(found, content);
  if (!problem.empty()) impair(problem);
  return false;
}

std::optional<std::uint64_t> SpoolSource::content_of(const FoundFile& found) const {
  const Descriptor descriptor = folder_.open_file(found);
  return descriptor.is_open() ? hash_of_content(descriptor.get(), found) : std::nullopt;
}

// With `tail` a file keeps its place when it gets another name.
void SpoolSource::note_names(const std::vector<FoundFile>& files) {
  if (!options_.tail) return;
  for (const auto& file : files_) {
    const auto named = std::find_if(files.begin(), files.end(),
                                    [&](const FoundFile& found) { return found.inode == file->found.inode; });
    file->is_matched = named != files.end() && named->is_taken;
    if (named != files.end()) file->taken.name = named->name;
  }
}

// Those that wait for others to be put away may wait for ever, where that fails.
void SpoolSource::note_waiting() {
  std::uint64_t unread = 0;
  bool may_read = waiting_files_ > 0 && !options_.tail && problem_.empty();
  std::int64_t first = waiting_files_ > 0 ? waiting_since_ns_ : std::numeric_limits<std::int64_t>::max();
  for (const auto& file : files_) {
    if (file->state != SpoolFile::State::reading && file->state != SpoolFile::State::blocked) continue;
    ++unread;
    may_read |= file->state == SpoolFile::State::reading;
    first = std::min(first, file->found.changed_ns);
  }
  first_changed_ns_ = first;
  waiting_ = waiting_files_ + unread;
  is_waiting_ = may_read;
}

std::optional<unsigned> SpoolSource::free_slot() const {
  for (unsigned slot = 0; slot < max_spool_files; ++slot) {
    if (std::none_of(files_.begin(), files_.end(), [&](const auto& file) { return file->slot == slot; })) return slot;
  }
  return std::nullopt;
}

// ---- turns

void SpoolSource::wake(EventLoop::Time at) {
  if (!turn_timer_) return;  // it has not begun, or has ended
  if (!turn_timer_->is_set() || at < turn_timer_->time()) turn_timer_->set(at);
}

void SpoolSource::turn() {
  note_waiting();
  if (offered_ || is_refused_) return;
  if (SpoolFile* const file = next_to_read()) {
    read(*file);
    return wake(std::chrono::steady_clock::now());
  }
  rest();
}

SpoolFile* SpoolSource::next_to_read() {
  for (std::size_t i = 0; i < files_.size(); ++i) {
    SpoolFile& file = *files_[options_.tail ? next_++ % files_.size() : i];
    if (file.state == SpoolFile::State::reading) return &file;
  }
  return nullptr;
}

// Nothing is to be read: is it the end of what was read?
void SpoolSource::rest() {
  const EventLoop::Time now = std::chrono::steady_clock::now();
  for (std::size_t i = 0; i < files_.size() && !offered_ && !is_refused_; ++i) {
    SpoolFile& file = *files_[i];
    if (file.state != SpoolFile::State::at_end) continue;
    const std::size_t count = files_.size();
    options_.tail ? check_growth(file, now) : check_end(file, now);
    if (files_.size() < count) --i;
  }
  if (offered_ || is_refused_) return;
  put_away();
  note_waiting();
  if (waiting_files_ > 0 && files_.size() < options_.max_files && !options_.tail) {
    look_timer_->set(std::min(look_timer_->time(), looked_at_ + between_looks));
  }
}

void SpoolSource::check_end(SpoolFile& file, EventLoop::Time now) {
  const std::optional<FoundFile> there = folder_.find(file.taken.name);
  if (!there || there->inode != file.found.inode) return erase(file);
  if (there->size != file.found.size || there->changed_ns != file.found.changed_ns) {
    file.found = *there;
    file.changed_at = now;
    file.state = SpoolFile::State::reading;
    return wake(std::chrono::steady_clock::now());
  }
  if (file.taken.is_done) {  // by an earlier run; whether its record is on disk is not known
    batch_.clear();
    return offer(file, file.taken);
  }
  const EventLoop::Time settled_at = file.changed_at + duration_of(options_.settle_time);
  if (now < settled_at && !is_old(file.found)) return wake(settled_at);
  if (!file.has_part_of_line || !file.damage.empty()) return end_file(file);
  file.is_final = true;
  file.state = SpoolFile::State::reading;
  wake(std::chrono::steady_clock::now());
}

// With `tail`.
void SpoolSource::check_growth(SpoolFile& file, EventLoop::Time now) {
  const FoundFile there = file.reader->status();
  if (there.size == file.found.size && there.changed_ns == file.found.changed_ns) return check_rotated(file, now);
  file.found = there;
  file.changed_at = now;
  file.state = SpoolFile::State::reading;
  wake(now);
}

// With `tail`. A file that was shortened or written over begins again.
void SpoolSource::check_content(SpoolFile& file) {
  const std::uint64_t size = file.reader->status().size;
  const bool is_same =
      size >= file.taken.offset && SpoolReader::is_at(file.reader->descriptor(), file.taken.name, file.taken);
  if (!is_same) begin_again(file);
  if (!is_same || size < file.reader->read_to()) read_again(file);
}

// Its writer has gone on to another file, or will soon.
void SpoolSource::check_rotated(SpoolFile& file, EventLoop::Time now) {
  if (file.is_matched) return;
  const EventLoop::Time patience =
      file.changed_at + (file.reader->is_removed() ? duration_of(options_.settle_time) : rotated_for);
  if (now < patience) return wake(patience);
  if (!file.has_part_of_line) return erase(file);
  file.is_final = true;
  file.state = SpoolFile::State::reading;
  wake(std::chrono::steady_clock::now());
}

// ---- reading

bool SpoolSource::open(SpoolFile& file) {
  file.found.name = file.taken.name;
  Descriptor descriptor = folder_.open_file(file.found);
  if (descriptor.is_open()) {
    if (!SpoolReader::is_at(descriptor.get(), file.taken.name, file.taken)) begin_again(file);
    file.state = SpoolFile::State::reading;
    file.reader =
        std::make_unique<SpoolReader>(std::move(descriptor), file.taken.name, file.taken, options_, has_header_);
    return true;
  }
  if (errno == ENOENT || errno == ELOOP) {
    erase(file);
  } else {
    file.state = SpoolFile::State::blocked;
    impair("cannot open " + file.taken.name + ": " + std::generic_category().message(errno));
  }
  return false;
}

// It is another one, or was written over.
void SpoolSource::begin_again(SpoolFile& file) {
  file.taken = {.sequence = ++sequence_, .inode = file.found.inode, .name = file.taken.name};
}

// From what was taken on.
void SpoolSource::read_again(SpoolFile& file) {
  if (!file.reader) return;
  if (!options_.tail) return file.reader.reset();
  file.reader =
      std::make_unique<SpoolReader>(file.reader->release(), file.taken.name, file.taken, options_, has_header_);
}

void SpoolSource::read(SpoolFile& file) {
  if (!file.reader && !open(file)) return;
  if (options_.tail) check_content(file);
  batch_.clear();
  const std::string_view name = batch_.keep(file.taken.name);
  const auto line = [&](std::string_view text, std::uint64_t at, std::string_view header) {
    decode(name, text, at, header);
  };
  const auto too_long = [&](std::uint64_t at) { refuse(name, Refusal::too_large, at); };
  const FileBytes::Piece piece = file.reader->read(buffer_, line, too_long);
  if (piece.is_end) reach_end(file, piece);
  const bool is_last = piece.is_end && file.is_final && file.damage.empty();
  if (is_last) file.reader->finish(line, too_long);
  SpoolPosition next = file.taken;
  file.reader->fill_in(next);
  if (is_last && !options_.tail) {
    next.is_done = true;
    next.changed_ns = file.found.changed_ns;
    next.size = file.found.size;
  }
  if (batch_.message_count > 0 || next.is_done) return offer(file, std::move(next));
  note_taken({&file, std::move(next)}, 0);
}

void SpoolSource::reach_end(SpoolFile& file, const FileBytes::Piece& piece) {
  const FoundFile there = file.reader->status();
  const bool is_same = there.size == file.found.size && there.changed_ns == file.found.changed_ns;
  file.found = there;
  if (options_.tail) file.found.size = file.reader->read_to();  // if it is shorter by now, that is a change
  file.damage = piece.error;
  file.has_part_of_line = file.reader->has_part_of_line();
  file.state = SpoolFile::State::at_end;
  if (!is_same) {
    file.changed_at = std::chrono::steady_clock::now();
    file.is_final = false;
  }
}

void SpoolSource::decode(std::string_view name, std::string_view text, std::uint64_t at, std::string_view header) {
  const std::size_t refusals = batch_.refusals.size();
  // Kept: the batch refers to the line, and the buffer under it is reused.
  router_.decode({.topic = name, .payload = batch_.keep(text), .header = header}, batch_);
  for (std::size_t i = refusals; i < batch_.refusals.size(); ++i) {
    batch_.refusals[i].offset = offset_of(at + batch_.refusals[i].offset);
  }
}

void SpoolSource::refuse(std::string_view name, Refusal reason, std::uint64_t at) {
  ++batch_.message_count;
  batch_.refuse_unseen(reason, name, offset_of(at));
}

// Nothing of it is left to decode: a batch that says so.
void SpoolSource::end_file(SpoolFile& file) {
  batch_.clear();
  SpoolPosition next = file.taken;
  next.is_done = true;
  next.is_damaged = !file.damage.empty();
  next.changed_ns = file.found.changed_ns;
  next.size = file.found.size;
  if (next.is_damaged) {
    refuse(batch_.keep(next.name), Refusal::bad_syntax, next.offset);
    host().notice(id_, next.name + " cannot be read beyond byte " + std::to_string(next.offset) +
                           " of its content: " + file.damage);
  }
  offer(file, std::move(next));
}

// ---- the host

void SpoolSource::offer(SpoolFile& file, SpoolPosition next) {
  const std::string_view partition = batch_.keep(std::to_string(file.slot));
  batch_.end_message({}, false, Position{partition, batch_.keep(to_bytes(next))});
  offered_ = Offered{&file, std::move(next)};
  offer_again();
}

void SpoolSource::offer_again() {
  if (std::exchange(is_refused_, false)) wake(std::chrono::steady_clock::now());
  if (!offered_) return;
  const Acceptance acceptance = EventsOnLoop::offer(id_, batch_);
  if (acceptance.answer == Acceptance::Answer::held) return;
  const Offered offered = *std::exchange(offered_, std::nullopt);
  if (!acceptance.is_taken()) return give_back();
  note_taken(offered, acceptance.record);
  wake(std::chrono::steady_clock::now());
}

void SpoolSource::note_taken(const Offered& offered, std::uint64_t record) {
  SpoolFile& file = *offered.file;
  file.taken = offered.next;
  if (file.taken.is_done) {
    file.record = record;
    file.state = record <= durable_ ? SpoolFile::State::durable : SpoolFile::State::taken;
  }
  if (options_.tail && file.is_final && file.state == SpoolFile::State::at_end) return erase(file);
  if (!options_.tail && file.state != SpoolFile::State::reading) file.reader.reset();
}

// What was read and not taken is read again when something may be.
void SpoolSource::give_back() {
  is_refused_ = true;
  for (const auto& file : files_) {
    if (file->state != SpoolFile::State::reading && file->state != SpoolFile::State::at_end) continue;
    read_again(*file);
    file->state = SpoolFile::State::reading;
    file->is_final = false;
  }
}

void SpoolSource::acknowledge(std::uint64_t through) {
  durable_ = std::max(durable_, through);
  for (const auto& file : files_) {
    if (file->state == SpoolFile::State::taken && file->record <= durable_) file->state = SpoolFile::State::durable;
  }
  wake(std::chrono::steady_clock::now());
}

// ---- files that are done

void SpoolSource::put_away() {
  std::string error;
  bool some = false;
  for (const auto& file : files_) {
    if (file->state != SpoolFile::State::durable) continue;
    FoundFile found = file->found;
    found.name = file->taken.name;
    const bool keeps = options_.when_done == WhenDone::keep;
    const std::string problem =
        keeps ? done_list_.add(found, content_of(found)) : folder_.put_away(found, file->taken.is_damaged);
    if (problem.empty()) {
      file->state = SpoolFile::State::put_away;
      some = true;
    } else {
      error = problem;
    }
  }
  if (some) {
    const std::string problem = options_.when_done == WhenDone::keep ? done_list_.sync() : folder_.sync();
    if (!problem.empty()) error = problem;
    finish(problem);
  }
  if (!error.empty()) impair(std::move(error));
}

// Their slots are free, unless a power cut could bring them back.
void SpoolSource::finish(const std::string& error) {
  std::erase_if(files_, [&](const std::unique_ptr<SpoolFile>& file) {
    if (file->state != SpoolFile::State::put_away) return false;
    if (!error.empty()) file->state = SpoolFile::State::durable;
    if (error.empty()) ++done_;
    return error.empty();
  });
}

void SpoolSource::erase(const SpoolFile& file) {
  std::erase_if(files_, [&](const std::unique_ptr<SpoolFile>& one) { return one.get() == &file; });
}

void SpoolSource::impair(std::string problem) {
  problem_ = std::move(problem);
  host().impaired(id_, problem_);
}

}  // namespace

std::unique_ptr<Source> make_spool_source(SpoolOptions options, SourceId id, SourceHost& host, EventLoop& loop) {
  return std::make_unique<SpoolSource>(std::move(options), id, host, loop);
}

}  // namespace edgetide
