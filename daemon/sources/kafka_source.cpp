#include "daemon/sources/kafka_source.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <sys/epoll.h>
#include <thread>
#include <utility>
#include <vector>

#include "daemon/service/backoff.h"
#include "daemon/sources/events_on_loop.h"
#include "daemon/sources/kafka_consumer.h"
#include "daemon/sources/kafka_partitions.h"
#include "daemon/sources/kafka_position.h"

namespace edgetide {

namespace {

using namespace std::chrono_literals;
using Time = EventLoop::Time;

constexpr std::size_t max_batch_bytes = 64 * 1024;
constexpr std::size_t max_batch_records = 1000;
constexpr std::size_t max_kafka_partitions = 256;  // whose positions are kept: SourcePositions::max_partitions
constexpr auto patience_before_pause = 1s;
// What was taken since the last one counts again if this gateway is killed and another one gets the partition. Each is
// a request, and a record in the log of the broker for each partition.
constexpr auto between_commits = 200ms;
constexpr auto after_failed_commit = 1s;
constexpr auto between_polls = 60s;         // librdkafka takes a consumer that does not poll for 5 min for dead
constexpr auto between_bare_batches = 10s;  // that only say how far was read
constexpr auto time_to_give_up = 5s;        // partitions that the group takes away
constexpr auto time_to_join = 60s;          // from the connection to the first partitions
constexpr auto after_fatal = 30s;
constexpr auto time_for_last_commit = 1s;

// Of their sensor or metric.
bool reads_headers(const std::vector<RouteOptions>& routes) {
  constexpr std::string_view header = "{message.property.", content_type = "{message.content_type";
  return std::any_of(routes.begin(), routes.end(), [&](const RouteOptions& route) {
    const std::string names = route.mapping.sensor + route.mapping.metric;
    return names.find(header) != std::string::npos || names.find(content_type) != std::string::npos;
  });
}

std::string_view content_type_in(std::span<const MessageProperty> headers) {
  const auto found = std::find_if(headers.begin(), headers.end(), [](const MessageProperty& header) {
    return header.name == "content-type" || header.name == "content_type" || header.name == "contentType";
  });
  return found == headers.end() ? std::string_view() : found->value;
}

class KafkaSource final : public Source, private EventsOnLoop, private KafkaEvents {
 public:
  KafkaSource(KafkaOptions options, SourceId id, SourceHost& host, EventLoop& loop)
      : EventsOnLoop(host, loop),
        options_(std::move(options)),
        id_(id),
        note_(kafka_note(options_.client_id)),
        reads_headers_(reads_headers(options_.routes)) {}
  ~KafkaSource() override { stop(); }

  void start() override;
  void stop() noexcept override;
  std::optional<Liveness> liveness(SourceId) noexcept override;

 private:
  bool is_member() const noexcept { return options_.partitions.empty(); }

  void restore_positions();
  void open();
  void close();
  void turn();
  void wake(Time at);
  bool poll();
  void serve_due(Time now);
  Time next_due() const;

  void take_record(const KafkaRecord& record) override;
  void decode(KafkaPartitions::Entry& entry, const KafkaRecord& record);
  void reach_end(const KafkaPartition& partition, std::int64_t offset) override;
  void miss_offset(const KafkaPartition& partition, std::int64_t offset) override;
  void tell_loss(KafkaPartitions::Entry& entry, std::int64_t found);
  void assign_missed();
  void grant(std::vector<KafkaPartition> partitions) override;
  void revoke(bool lost) override;
  void give_up();
  void ask();
  void note_group(std::vector<KafkaOffset> offsets, const KafkaFailure& failure) override;
  KafkaOffset begin_of(const KafkaPartition& partition, const std::vector<KafkaOffset>& of_group, bool is_new) const;
  void assign_asked(const std::vector<KafkaOffset>& of_group);
  void note_committed(const KafkaFailure& failure) override;
  void note_failure(const KafkaFailure& failure) override;
  void note_log(std::string_view line) override;

  void offer_batch();
  void offer_again() override;
  void note_taken(std::uint64_t record);
  void drop_batch();
  void set_paused(bool paused);
  void acknowledge(std::uint64_t through) override;
  void commit();

  void set_connected(bool connected);
  void note_broker_error(const std::string& text);
  void check_topic_problems(const KafkaFailure& failure);
  std::string problem() const;
  void tell_problem();

  const KafkaOptions options_;
  const SourceId id_;
  const std::string note_;
  const bool reads_headers_;
  std::atomic<bool> is_behind_ = false;

  // The loop's thread only, while it runs.
  std::unique_ptr<Router> router_;  // from the start on
  std::unique_ptr<KafkaConsumer> consumer_;
  KafkaPartitions partitions_;
  DecodedBatch batch_;
  bool is_offered_ = false;  // `batch_`, which the host held back
  bool is_refused_ = false;  // nothing may wait: nothing is taken until something may
  bool is_paused_ = false;
  bool is_stopping_ = false;
  std::optional<Time> pause_at_, bare_batch_at_;

  // Partitions that the group gave, and of those the ones whose offsets it was asked for.
  std::vector<KafkaPartition> granted_, asked_;
  bool is_asking_ = false;
  bool is_revoked_ = false;          // the group takes all, which are given up once their offsets are written
  std::vector<KafkaOffset> missed_;  // to be assigned again
  std::optional<Time> ask_at_, give_up_at_, open_at_, join_by_;
  unsigned failed_asks_ = 0;

  std::uint64_t record_ = 0, durable_ = 0;  // the newest that was taken, and that is durable
  struct Commit {
    std::vector<KafkaOffset> offsets;
    std::uint64_t record;  // which has them
    bool is_sent = false;
  };
  std::optional<Commit> commit_;
  std::size_t void_answers_ = 0;  // to come, for commits that were given up
  std::optional<Time> commit_at_;

  bool is_connected_ = false, has_reported_ = false;
  std::string broker_error_, noticed_error_, group_problem_, size_problem_;
  std::map<std::string, std::string, std::less<>> topic_problems_;

  std::optional<EventLoop::Watch> watch_;
  std::optional<EventLoop::Timer> timer_;
  std::optional<EventLoop::Use> use_;
};

void KafkaSource::start() {
  router_ = std::make_unique<Router>(options_.routes);
  partitions_.clear();
  consumer_ = std::make_unique<KafkaConsumer>(options_, reads_headers_);  // what it refuses is known at once
  use_.emplace(loop());
  host().attach(id_, *this);
  restore_positions();
  loop().call([this] {
    timer_.emplace(loop(), [this] { turn(); });
    open();
  });
}

void KafkaSource::stop() noexcept {
  if (!use_) return;
  // Nothing more is taken, and the group gets the offsets: the gateway that gets a partition goes on from there.
  bool is_written = false;
  loop().call([this] {
    is_stopping_ = true;
    batch_.clear();
  });
  const Time until = std::chrono::steady_clock::now() + time_for_last_commit;
  while (!is_written && std::chrono::steady_clock::now() < until) {
    loop().call([&] {
      commit();
      is_written = !consumer_ || !is_connected_ || !commit_;
    });
    if (!is_written) std::this_thread::sleep_for(5ms);
  }
  host().detach(id_);
  std::unique_ptr<KafkaConsumer> ended;  // on this thread: it may wait for the network, and the loop must not
  loop().call([&] {
    watch_.reset();
    ended = std::move(consumer_);
    close();
    timer_.reset();
  });
  use_.reset();
  ended.reset();
  host().disconnected(id_, {});
  is_connected_ = has_reported_ = false;
}

// While there is something to read, what a silent sensor has sent may be in it.
std::optional<Liveness> KafkaSource::liveness(SourceId) noexcept {
  if (!is_behind_) return std::nullopt;
  return Liveness{.silent_for = Duration(), .waiting = true};
}

void KafkaSource::restore_positions() {
  for (const StoredPosition& stored : host().positions(id_)) {
    router_->restore_state(stored.partition, stored.bytes);
    const auto partition = parse_kafka_partition(stored.partition);
    const auto offset = parse_kafka_position(stored.bytes);
    if (!partition || !offset) continue;
    ReadPartition& state = partitions_.at(*partition).second;
    state.taken = state.read = *offset;
  }
}

// ---- the consumer

void KafkaSource::open() {
  open_at_.reset();
  is_stopping_ = false;
  try {
    if (!consumer_) consumer_ = std::make_unique<KafkaConsumer>(options_, reads_headers_);
  } catch (const std::exception& error) {
    group_problem_ = error.what();
    open_at_ = std::chrono::steady_clock::now() + after_fatal;
    return tell_problem();
  }
  group_problem_.clear();
  watch_.emplace(loop(), consumer_->descriptor(), EPOLLIN, [this](std::uint32_t) { turn(); });
  if (is_member()) {
    group_problem_ = consumer_->subscribe(options_.topics, options_.topic_pattern);
  } else {
    for (const KafkaOffset& each : options_.partitions) granted_.push_back(each.partition);
  }
  ask();
  wake(std::chrono::steady_clock::now());
}

void KafkaSource::close() {
  batch_.clear();
  watch_.reset();
  consumer_.reset();
  is_offered_ = is_refused_ = is_paused_ = is_asking_ = is_revoked_ = false;
  for (auto& [partition, state] : partitions_) {
    state.is_read = false;
    state.read = state.taken;
    state.problem.clear();
  }
  granted_.clear(), asked_.clear(), missed_.clear();
  void_answers_ = 0;
  topic_problems_.clear();
  commit_.reset();
  for (auto* const due : {&pause_at_, &bare_batch_at_, &ask_at_, &give_up_at_, &open_at_, &join_by_, &commit_at_}) {
    due->reset();
  }
}

// ---- turns

void KafkaSource::wake(Time at) {
  if (!timer_) return;  // it has not begun, or has ended
  if (!timer_->is_set() || at < timer_->time()) timer_->set(at);
}

void KafkaSource::turn() {
  const Time now = std::chrono::steady_clock::now();
  if (pause_at_ && now >= *pause_at_) {
    pause_at_.reset();
    set_paused(true);
  }
  if (consumer_ && poll()) wake(now);
  if (!is_offered_ && !is_refused_ && batch_.message_count > 0) offer_batch();
  is_behind_ = partitions_.is_behind() || !granted_.empty() || !asked_.empty();
  serve_due(now);
  wake(next_due());
}

// True: there may be more.
bool KafkaSource::poll() {
  const bool may_take = !is_offered_ && !is_refused_;
  if (!may_take && !is_paused_) return false;
  consumer_->clear_wake();
  for (std::size_t i = 0; consumer_ && i < max_batch_records; ++i) {
    if (batch_.bytes >= max_batch_bytes && may_take) return true;
    if (!consumer_->poll(*this)) return false;
  }
  return true;
}

void KafkaSource::serve_due(Time now) {
  const auto is_due = [now](const std::optional<Time>& at) { return at && now >= *at; };
  if (is_due(open_at_)) {
    close();
    open();
  }
  if (is_due(ask_at_)) ask();
  if (is_due(commit_at_)) commit_at_.reset(), commit();
  if (is_due(give_up_at_)) give_up();
  if (is_due(bare_batch_at_) && !is_offered_ && !is_refused_ && batch_.message_count == 0) {
    bare_batch_at_.reset();
    if (partitions_.has_moved()) offer_batch();
  }
  if (!missed_.empty() && !is_revoked_) assign_missed();
  tell_problem();
}

Time KafkaSource::next_due() const {
  const Time now = std::chrono::steady_clock::now();
  Time next = now + between_polls;
  const auto consider = [&](const std::optional<Time>& due) {
    if (due) next = std::min(next, *due);
  };
  for (const auto* const due : {&pause_at_, &ask_at_, &give_up_at_, &open_at_, &commit_at_}) consider(*due);
  if (!is_offered_ && !is_refused_ && batch_.message_count == 0) consider(bare_batch_at_);
  if (join_by_ && *join_by_ > now) consider(join_by_);
  return next;
}

// ---- records

void KafkaSource::take_record(const KafkaRecord& record) {
  KafkaPartitions::Entry* const entry = partitions_.find(record.topic, record.partition);
  if (entry == nullptr || !entry->second.is_read || is_stopping_ || is_revoked_) return;
  ReadPartition& state = entry->second;
  if (record.offset < state.read || state.is_skipped) return;
  set_connected(true);
  if (state.lost_from >= 0) tell_loss(*entry, record.offset);
  if (state.taken < 0) state.taken = record.offset;
  state.is_at_end = false;
  if (!state.problem.empty()) state.problem.clear();
  if (is_offered_ || is_refused_) {
    state.read = std::max(state.read, state.taken);
    state.is_skipped = true;
    return;
  }
  decode(*entry, record);
  state.read = record.offset + 1;
}

void KafkaSource::decode(KafkaPartitions::Entry& entry, const KafkaRecord& record) {
  if (!record.has_payload) {  // a key was deleted
    ++batch_.message_count;
    return batch_.note_without_reading({}, NoReading::no_value);
  }
  router_->decode({.topic = entry.second.levels,
                   .payload = record.payload,
                   .key = record.key,
                   .content_type = reads_headers_ ? content_type_in(record.headers) : std::string_view(),
                   .properties = record.headers,
                   .time = record.time,
                   .max_bytes = options_.max_message_bytes},
                  batch_);
}

void KafkaSource::reach_end(const KafkaPartition& partition, std::int64_t offset) {
  set_connected(true);
  KafkaPartitions::Entry* const entry = partitions_.find(partition.topic, partition.number);
  if (entry == nullptr || !entry->second.is_read || entry->second.is_skipped || is_stopping_ || offset < 0) return;
  ReadPartition& state = entry->second;
  if (state.lost_from >= 0) tell_loss(*entry, offset);
  state.is_at_end = true;
  state.problem.clear();
  if (offset <= state.read || is_offered_ || is_refused_) return;
  // Between the two are no records, only the mark of a transaction, or what was compacted.
  state.read = offset;
  const Time now = std::chrono::steady_clock::now();
  if (!bare_batch_at_) bare_batch_at_ = state.taken < 0 ? now : now + between_bare_batches;
}

void KafkaSource::miss_offset(const KafkaPartition& partition, std::int64_t offset) {
  KafkaPartitions::Entry* const entry = partitions_.find(partition.topic, partition.number);
  if (entry == nullptr || !entry->second.is_read) return;
  ReadPartition& state = entry->second;
  if (offset < 0) {
    missed_.push_back({partition, state.read >= 0 ? state.read : options_.start});
  } else if (options_.fail_on_data_loss) {
    state.problem = "partition " + state.name + " has no offset " + std::to_string(offset) +
                    ": its records were deleted before they were read, or the topic was made again. It is not read "
                    "until fail_on_data_loss = false accepts that";
  } else {
    state.lost_from = offset;
    state.read = no_kafka_offset;
    missed_.push_back({partition, kafka_earliest});
  }
}

void KafkaSource::tell_loss(KafkaPartitions::Entry& entry, std::int64_t found) {
  const std::int64_t from = std::exchange(entry.second.lost_from, no_kafka_offset);
  const std::string& name = entry.second.name;
  if (found > from) {
    host().notice(id_, "partition " + name + ": " + std::to_string(found - from) + " records are lost, offset " +
                           std::to_string(from) + " to " + std::to_string(found - 1) +
                           ": they were deleted before they were read");
  } else {
    host().notice(id_, "partition " + name + " has no offset " + std::to_string(from) +
                           ": the topic was made again; it is read from its beginning");
    entry.second.taken = no_kafka_offset;
  }
}

void KafkaSource::assign_missed() {
  const std::vector<KafkaOffset> missed = std::exchange(missed_, {});
  std::vector<KafkaOffset> from;
  for (const auto& [partition, state] : partitions_) {
    if (!state.is_read) continue;
    const auto same = [&wanted = partition](const KafkaOffset& each) { return each.partition == wanted; };
    const auto again = std::find_if(missed.begin(), missed.end(), same);
    const std::int64_t offset = state.read >= 0 ? state.read : options_.start;
    from.push_back({partition, again == missed.end() ? offset : again->offset});
  }
  consumer_->assign(from);
  if (is_paused_) consumer_->pause(partitions_.assigned());
}

// ---- the group

void KafkaSource::grant(std::vector<KafkaPartition> partitions) {
  set_connected(true);
  join_by_.reset();
  granted_.insert(granted_.end(), partitions.begin(), partitions.end());
  if (granted_.empty()) return consumer_->assign({});  // that is the answer to it too
  ask();
}

// Where the group has nothing to say, only whether it can be asked: that shows that a broker is there.
void KafkaSource::ask() {
  ask_at_.reset();
  if (is_asking_ || !consumer_) return;
  is_asking_ = true;
  asked_ = std::exchange(granted_, {});
  consumer_->ask_group(asked_);
}

void KafkaSource::note_group(std::vector<KafkaOffset> offsets, const KafkaFailure& failure) {
  is_asking_ = false;
  const bool can_be_read =
      failure.kind == KafkaFailure::Kind::none || (failure.kind == KafkaFailure::Kind::group && !is_member());
  if (can_be_read) {
    failed_asks_ = 0;
    group_problem_.clear();
    set_connected(true);
    assign_asked(offsets);
    if (!granted_.empty()) ask();
    return;
  }
  granted_.insert(granted_.end(), asked_.begin(), asked_.end());
  asked_.clear();
  ask_at_ = std::chrono::steady_clock::now() + std::chrono::microseconds(backoff_delay(failed_asks_++, 0.5).count());
  if (failure.kind == KafkaFailure::Kind::group) {
    group_problem_ = "group " + options_.group_id + ": " + failure.text;
  } else {
    if (broker_error_.empty()) broker_error_ = failure.text;
    set_connected(false);
  }
}

KafkaOffset KafkaSource::begin_of(const KafkaPartition& partition, const std::vector<KafkaOffset>& of_group,
                                  bool is_new) const {
  const auto find = [&](const std::vector<KafkaOffset>& in) {
    const auto found =
        std::find_if(in.begin(), in.end(), [&](const KafkaOffset& each) { return each.partition == partition; });
    return found == in.end() ? KafkaOffset{partition} : *found;
  };
  const auto known =
      std::find_if(partitions_.begin(), partitions_.end(), [&](const auto& entry) { return entry.first == partition; });
  const std::int64_t own = known == partitions_.end() ? no_kafka_offset : known->second.taken;
  std::int64_t offset = resume_offset(own, find(of_group), note_);
  if (offset == no_kafka_offset) offset = find(options_.partitions).offset;
  if (offset == no_kafka_offset) offset = is_new ? kafka_earliest : options_.start;
  return {partition, offset};
}

void KafkaSource::assign_asked(const std::vector<KafkaOffset>& of_group) {
  const std::vector<KafkaPartition> asked = std::exchange(asked_, {});
  if (asked.empty()) return;
  std::vector<KafkaOffset> from;
  std::size_t room = max_kafka_partitions - std::min(max_kafka_partitions, partitions_.assigned_count());
  size_problem_.clear();
  for (const KafkaPartition& partition : asked) {
    if (from.size() < room) from.push_back(begin_of(partition, of_group, partitions_.knows_topic(partition.topic)));
  }
  if (from.size() < asked.size()) {
    size_problem_ = std::to_string(asked.size() - from.size()) + " partitions are not read: a source reads " +
                    std::to_string(max_kafka_partitions) + " at most; start another gateway of the group";
  }
  for (const KafkaOffset& each : from) {
    ReadPartition& state = partitions_.at(each.partition).second;
    state = ReadPartition{.name = state.name, .levels = state.levels, .is_read = true};
    if (each.offset >= 0) state.taken = state.read = each.offset;
    topic_problems_.erase(each.partition.topic);
  }
  for (const KafkaOffset& each : of_group) {
    const auto entry = partitions_.find(each.partition.topic, each.partition.number);
    if (entry != nullptr && each.note == note_) entry->second.committed = each.offset;
  }
  consumer_->assign(from);
  if (is_paused_) consumer_->pause(partitions_.assigned());
  commit_at_ = std::chrono::steady_clock::now() + between_commits;
}

// What was taken is written first, so that the next one goes on behind it.
void KafkaSource::revoke(bool lost) {
  if (!is_offered_ && !is_refused_ && batch_.message_count > 0) offer_batch();
  if (is_offered_) drop_batch();
  granted_.clear();
  asked_.clear();
  is_revoked_ = true;
  if (lost) return give_up();
  give_up_at_ = std::chrono::steady_clock::now() + time_to_give_up;
  commit();
  if (!commit_) give_up();
}

void KafkaSource::give_up() {
  give_up_at_.reset();
  is_revoked_ = false;
  if (commit_ && commit_->is_sent) ++void_answers_;
  commit_.reset();
  missed_.clear();
  for (auto& [partition, state] : partitions_) {
    state.is_read = false;
    state.read = state.taken;
    state.problem.clear();
  }
  consumer_->unassign();
}

// ---- failures

// Behind the name of librdkafka's thread.
void KafkaSource::note_log(std::string_view line) {
  const std::size_t end = line.starts_with('[') ? line.find("]: ") : std::string_view::npos;
  if (end != std::string_view::npos) line.remove_prefix(end + 3);
  host().notice(id_, "librdkafka: " + std::string(line));
}

void KafkaSource::note_failure(const KafkaFailure& failure) {
  switch (failure.kind) {
    case KafkaFailure::Kind::none:
      return;
    case KafkaFailure::Kind::broker:
      return note_broker_error(failure.text);
    case KafkaFailure::Kind::all_down:
      if (!ask_at_) ask();
      return;
    case KafkaFailure::Kind::partition:
      return check_topic_problems(failure);
    case KafkaFailure::Kind::group:
      group_problem_ = "group " + options_.group_id + ": " + failure.text;
      return;
    case KafkaFailure::Kind::fatal:
      group_problem_ = failure.text;
      open_at_ = std::chrono::steady_clock::now() + after_fatal;
      return;
    case KafkaFailure::Kind::other:
      host().notice(id_, failure.text);
      return;
  }
}

// Without how long the try took, so that the same reason is the same text. While others answer, it is only logged: what
// is on this broker is not read, if no other one has it.
void KafkaSource::note_broker_error(const std::string& text) {
  std::string error = text.substr(0, text.find(" (after "));
  if (is_connected_ && error != noticed_error_) host().notice(id_, "broker " + error);
  if (is_connected_) noticed_error_ = error;
  broker_error_ = std::move(error);
}

void KafkaSource::check_topic_problems(const KafkaFailure& failure) {
  if (!failure.partition.topic.empty()) {
    const auto entry = partitions_.find(failure.partition.topic, failure.partition.number);
    if (entry != nullptr) entry->second.problem = "partition " + entry->second.name + ": " + failure.text;
    return;
  }
  for (const std::string& topic : options_.topics) {
    if (failure.text.find(' ' + topic + ": ") != std::string::npos) topic_problems_[topic] = failure.text;
  }
}

void KafkaSource::set_connected(bool connected) {
  if (connected && !broker_error_.empty()) broker_error_.clear();
  if (connected == is_connected_ && has_reported_) return;
  has_reported_ = true;
  is_connected_ = connected;
  if (!connected) return host().disconnected(id_, broker_error_);
  std::string servers;
  for (const std::string& server : options_.servers) servers += (servers.empty() ? "" : ", ") + server;
  host().connected(id_, servers);
  if (is_member()) join_by_ = std::chrono::steady_clock::now() + time_to_join;
}

std::string KafkaSource::problem() const {
  if (!is_connected_ && has_reported_) return "no broker can be used: " + broker_error_;
  if (!group_problem_.empty()) return group_problem_;
  if (!topic_problems_.empty()) return topic_problems_.begin()->second;
  if (!size_problem_.empty()) return size_problem_;
  for (const auto& [partition, state] : partitions_) {
    if (!state.problem.empty()) return state.problem;
  }
  if (join_by_ && std::chrono::steady_clock::now() >= *join_by_) {
    return options_.topic_pattern.empty() ? "group " + options_.group_id + " has given no partition yet"
                                          : "no topic matches subscribe_pattern";
  }
  return {};
}

void KafkaSource::tell_problem() {
  host().impaired(id_, problem());
}

// ---- the host

void KafkaSource::offer_batch() {
  for (auto& [partition, state] : partitions_) {
    if (!state.is_read || state.read == state.taken) continue;
    batch_.end_message({}, false, Position{state.name, batch_.keep(kafka_position_bytes(state.read))});
  }
  is_offered_ = true;
  offer_again();
}

void KafkaSource::offer_again() {
  if (!consumer_ || is_stopping_) return;
  if (std::exchange(is_refused_, false)) {
    set_paused(false);
    wake(std::chrono::steady_clock::now());
  }
  if (!is_offered_) return;
  const Acceptance acceptance = EventsOnLoop::offer(id_, batch_);
  if (acceptance.answer == Acceptance::Answer::held) {
    if (!pause_at_ && !is_paused_) pause_at_ = std::chrono::steady_clock::now() + patience_before_pause;
    return;
  }
  if (acceptance.is_taken()) return note_taken(acceptance.record);
  is_refused_ = true;
  drop_batch();
  set_paused(true);
}

void KafkaSource::note_taken(std::uint64_t record) {
  is_offered_ = false;
  pause_at_.reset();
  record_ = std::max(record_, record);
  partitions_.note_taken();
  batch_.clear();
  consumer_->release_records();
  if (is_paused_) set_paused(false);
  const Time now = std::chrono::steady_clock::now();
  if (!commit_at_ && !commit_) commit_at_ = now + between_commits;
  wake(now);
}

// It is read again.
void KafkaSource::drop_batch() {
  is_offered_ = false;
  pause_at_.reset();
  batch_.clear();
  consumer_->release_records();
  const std::vector<KafkaOffset> again = partitions_.rewind();
  if (!again.empty()) consumer_->seek(again);
}

void KafkaSource::set_paused(bool paused) {
  is_paused_ = paused;
  const std::vector<KafkaPartition> partitions = partitions_.assigned();
  if (partitions.empty()) return;
  if (paused) return consumer_->pause(partitions);
  const std::vector<KafkaOffset> skipped = partitions_.skipped();
  if (!skipped.empty()) consumer_->seek(skipped);
  consumer_->resume(partitions);
}

void KafkaSource::acknowledge(std::uint64_t through) {
  durable_ = std::max(durable_, through);
  if (commit_) commit();
}

// Of what is taken now, once it is durable; one at a time.
void KafkaSource::commit() {
  if (!consumer_) return;
  if (!commit_) {
    std::vector<KafkaOffset> offsets = partitions_.uncommitted(note_);
    if (offsets.empty()) return;
    commit_ = Commit{std::move(offsets), record_};
  }
  if (commit_->is_sent || commit_->record > durable_) return;
  if (consumer_->commit(commit_->offsets)) {
    commit_->is_sent = true;
  } else {
    commit_.reset();
    commit_at_ = std::chrono::steady_clock::now() + after_failed_commit;
  }
}

void KafkaSource::note_committed(const KafkaFailure& failure) {
  if (void_answers_ > 0) return static_cast<void>(--void_answers_);
  if (!commit_) return;
  const Commit done = std::move(*std::exchange(commit_, std::nullopt));
  if (failure.kind == KafkaFailure::Kind::none) {
    for (const KafkaOffset& each : done.offsets) {
      const auto entry = partitions_.find(each.partition.topic, each.partition.number);
      if (entry != nullptr) entry->second.committed = each.offset;
    }
  }
  if (partitions_.uncommitted(note_).empty()) {
    if (is_revoked_) give_up();
    return;
  }
  const bool has_failed = failure.kind != KafkaFailure::Kind::none;
  if (!is_revoked_ || has_failed) {
    commit_at_ = std::chrono::steady_clock::now() + (has_failed ? after_failed_commit : between_commits);
    return wake(*commit_at_);
  }
  commit();
}

}  // namespace

std::unique_ptr<Source> make_kafka_source(KafkaOptions options, SourceId id, SourceHost& host, EventLoop& loop) {
  return std::make_unique<KafkaSource>(std::move(options), id, host, loop);
}

}  // namespace edgetide
