#include "sinks/kafka_sink.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "daemon/service/clock.h"
#include "sinks/confirmed_rows.h"
#include "sinks/kafka_claim.h"
#include "sinks/kafka_producer.h"
#include "sinks/kafka_record.h"
#include "sinks/refused_tables.h"
#include "sinks/row_messages.h"
#include "sinks/store_claim.h"

namespace edgetide {

namespace {

using namespace std::chrono_literals;
using SinkClock = std::chrono::steady_clock;
using Kind = KafkaAnswer::Kind;

constexpr auto report_patience = 20s;
constexpr auto report_step = 100ms;  // after which an interrupt is seen
constexpr unsigned max_aborts = 16;  // of a delivery, for rows that are refused
constexpr auto no_limit = std::numeric_limits<std::size_t>::max();

std::pair<std::int64_t, EpochId> order_of(const ClaimState& state) {
  return {state.incarnation, state.newest};
}

RetryAfter retry_after(const KafkaFailed& failed) {
  if (failed.kind == Kind::needs_person) return once_somebody_acts(failed.what());
  return RetryAfter{Duration(), failed.what()};
}

// Rows were refused, so that the transaction must be aborted and begun again without them.
struct TransactionSpoilt {};

struct PlacedRow {
  std::size_t input;
  const SinkRow* row;
  std::span<const double> values;
};

// What is known of the rows of one delivery.
struct RefusedRows {
  std::map<std::size_t, std::string> reasons;               // by position in the batch
  std::map<std::string, std::size_t, std::less<>> largest;  // by topic: a record of this size was too large
  std::set<std::size_t> alone;                              // refused with others: to be sent by itself
};

class KafkaSink final : public Sink {
 public:
  KafkaSink(KafkaSinkOptions options, SinkIdentity identity, std::vector<WindowSchema> inputs)
      : options_(without_unused(std::move(options))),
        identity_(std::move(identity)),
        inputs_(std::move(inputs)),
        topic_(options_.topic, identity_.gateway),
        maker_(topic_, identity_.gateway),
        claim_("the Kafka group " + options_.transactional_id, identity_) {
    if (topic_.is_fixed()) topics_ = topic_.topics_of(inputs_);
  }
  ~KafkaSink() override { KafkaSink::close(); }

  Outcome open() override;
  Outcome deliver(const RowBatch& batch) override;
  LastEpoch last_epoch() override;
  void take_over() noexcept override {
    claim_.take_over();
    has_claimed_ = false;
  }
  void close() noexcept override;
  void interrupt() noexcept override { interrupted_ = true; }

 private:
  class Claim;
  friend class Claim;

  // A delivery under way.
  struct Sending {
    const RowBatch& batch;
    std::vector<PlacedRow> rows;
    ConfirmedRows confirmed;
    std::size_t in_flight = 0;
    SinkClock::time_point heard;              // the last report
    bool is_alone = false;                    // what is in flight is one record, `record_`
    bool is_spoilt = false;                   // the transaction
    std::optional<KafkaFailed> failure = {};  // the first one
  };

  static KafkaSinkOptions without_unused(KafkaSinkOptions options) {
    if (!options.exactly_once) options.transactional_id.clear();
    return options;
  }
  template <class Step>
  Outcome attempt(bool delivers, Step&& step);
  Outcome reach();
  Outcome claim();
  std::optional<ClaimState> read_position(bool stable) const;
  Outcome deliver_exactly_once(const RowBatch& batch);
  Outcome deliver_at_least_once(const RowBatch& batch);

  Sending begin(const RowBatch& batch);
  void send_all(Sending& sending);
  void send(Sending& sending, std::size_t position);
  KafkaAnswer put(Sending& sending, std::size_t position);
  void await(Sending& sending, std::size_t at_most);
  void take_report(Sending& sending, std::size_t position, const KafkaAnswer& answer);
  void refuse(Sending& sending, std::size_t position, const std::string& reason);
  void judge_refused(const Sending& sending) const;
  std::vector<RejectedRow> rejected_before(const RowBatch& batch, std::size_t end) const;
  std::vector<KafkaHeader> headers_of(EpochId id) const;

  const KafkaSinkOptions options_;
  const SinkIdentity identity_;
  const std::vector<WindowSchema> inputs_;
  const KafkaTopic topic_;
  const KafkaRecordMaker maker_;
  std::vector<std::string> topics_;  // all that there are, where they are known beforehand
  std::atomic<bool> interrupted_ = false;

  // The worker's thread.
  std::optional<KafkaProducer> producer_;
  std::optional<EpochId> last_epoch_;  // that this process has delivered; at least once
  std::vector<RejectedRow> rejected_;  // of parts whose delivery failed, still to be reported
  RefusedRows refused_;                // of the delivery at hand
  KafkaRecordText record_;
  // Exactly once:
  StoreClaim claim_;
  std::optional<ClaimState> state_;  // as the group has it
  bool has_claimed_ = false;         // in this process
  bool is_fresh_ = false;            // `state_` was read just now
};

// The position of the group, changed with the transaction of the producer.
class KafkaSink::Claim final : public ClaimTransaction {
 public:
  explicit Claim(KafkaSink& sink) : sink_(sink), next_(sink.state_.value_or(ClaimState{})) {}
  std::optional<ClaimState> read_state() override { return sink_.state_; }
  std::int64_t write_claim(const ClaimWish& wish) override {
    if (next_.state_id != wish.state_id) next_.newest = EpochId{};
    next_.incarnation = std::max(next_.incarnation + 1, wish.lowest);
    next_.state_id = wish.state_id;
    next_.claimed_by = sink_.identity_.process;
    next_.claimed_at = wall_time();
    return next_.incarnation;
  }
  void write_epoch(EpochId id) override { next_.newest = id; }
  void commit() override {
    KafkaProducer& producer = *sink_.producer_;
    if (!producer.is_in_transaction()) producer.begin_transaction();
    next_.updated_at = wall_time();
    const auto offset = static_cast<std::int64_t>(next_.newest.epoch & std::numeric_limits<std::int64_t>::max());
    producer.set_position(sink_.options_.transactional_id, sink_.topics_, offset, kafka_claim_note(next_));
    producer.commit_transaction();
    sink_.state_ = next_;
  }

 private:
  KafkaSink& sink_;
  ClaimState next_;
};

// ---- opening

template <class Step>
Outcome KafkaSink::attempt(bool delivers, Step&& step) {
  try {
    return step();
  } catch (const KafkaFailed& failed) {
    const bool is_open = producer_ && producer_->is_in_transaction();
    if (is_open && !failed.in_doubt && !interrupted_) producer_->abort_transaction();
    if (is_open && failed.in_doubt && delivers) return InDoubt{failed.what()};
    return retry_after(failed);
  } catch (const std::runtime_error& error) {
    return once_somebody_acts(error.what());  // the options: a certificate
  }
}

Outcome KafkaSink::open() {
  return attempt(false, [this] { return reach(); });
}

Outcome KafkaSink::reach() {
  producer_.emplace(options_, interrupted_);
  producer_->reach(topics_);
  return options_.exactly_once ? claim() : Delivered{};
}

// A rival that has claimed the position must not be fenced by a connection that is made again, so it is looked at
// before. It is read again when no earlier transaction can change it any more.
Outcome KafkaSink::claim() {
  if (has_claimed_) {
    state_ = read_position(false);
    Claim rival(*this);
    if (Outcome held = claim_.held(rival); !std::holds_alternative<Delivered>(held)) return held;
  }
  producer_->init_transactions();
  state_ = read_position(true);
  Claim transaction(*this);
  Outcome outcome = claim_.claim(transaction);
  if (std::holds_alternative<Delivered>(outcome)) has_claimed_ = is_fresh_ = true;
  return outcome;
}

// Of several topics the one that was written last: one that is new has none.
std::optional<ClaimState> KafkaSink::read_position(bool stable) const {
  std::optional<ClaimState> newest;
  for (const std::string& note :
       kafka_group_notes(options_, options_.transactional_id, topics_, stable, interrupted_)) {
    const std::optional<ClaimState> state = parse_kafka_claim(note);
    if (state && (!newest || order_of(*newest) < order_of(*state))) newest = state;
  }
  return newest;
}

LastEpoch KafkaSink::last_epoch() {
  if (!options_.exactly_once) return last_epoch_;
  try {
    if (!std::exchange(is_fresh_, false)) {
      const std::optional<ClaimState> held = read_position(false);
      if (held && (!state_ || order_of(*state_) < order_of(*held)))
        state_ = held;  // else the broker has forgotten ours
    }
  } catch (const KafkaFailed& failed) {
    return retry_after(failed);
  } catch (const std::runtime_error& error) {
    return once_somebody_acts(error.what());
  }
  Claim transaction(*this);
  return last_epoch_of(claim_.held(transaction), claim_.newest(transaction));
}

void KafkaSink::close() noexcept {
  producer_.reset();
  interrupted_ = false;
}

// ---- delivering

Outcome KafkaSink::deliver(const RowBatch& batch) {
  refused_ = {};
  return attempt(true,
                 [&] { return options_.exactly_once ? deliver_exactly_once(batch) : deliver_at_least_once(batch); });
}

Outcome KafkaSink::deliver_exactly_once(const RowBatch& batch) {
  for (unsigned aborts = 0;; ++aborts) {
    try {
      Claim transaction(*this);
      return claim_.store(transaction, batch.id, [&] {
        producer_->begin_transaction();
        Sending sending = begin(batch);
        send_all(sending);
        return rejected_before(batch, no_limit);
      });
    } catch (const TransactionSpoilt&) {
      producer_->abort_transaction();
      if (aborts == max_aborts) {
        const std::string reason = refused_.reasons.empty() ? "" : ": " + refused_.reasons.begin()->second;
        return once_somebody_acts("so many rows of a delivery are refused that they wait" + reason);
      }
      // librdkafka may purge what the same producer is given after an abort for such an error.
      if (Outcome again = reach(); !std::holds_alternative<Delivered>(again)) return again;
    }
  }
}

Outcome KafkaSink::deliver_at_least_once(const RowBatch& batch) {
  if (last_epoch_ && *last_epoch_ >= batch.id) return Delivered{};
  Sending sending = begin(batch);
  try {
    send_all(sending);
  } catch (const KafkaFailed& failed) {
    const std::size_t stored = sending.confirmed.first_ones();
    for (RejectedRow& row : rejected_before(batch, stored)) rejected_.push_back(std::move(row));
    RetryAfter later = retry_after(failed);
    later.rows_stored = stored;
    return later;
  }
  if (batch.last_part) last_epoch_ = batch.id;
  Delivered delivered{std::exchange(rejected_, {})};
  for (RejectedRow& row : rejected_before(batch, no_limit)) delivered.rejected.push_back(std::move(row));
  return delivered;
}

KafkaSink::Sending KafkaSink::begin(const RowBatch& batch) {
  producer_->set_headers(headers_of(batch.id));
  Sending sending{batch, {}, ConfirmedRows(batch.row_count()), 0, SinkClock::now()};
  for (const WindowRows& window : batch.windows) {
    const std::size_t columns = inputs_[window.input].columns.size();
    for (std::size_t i = 0; i < window.rows.size(); ++i) {
      sending.rows.push_back({window.input, &window.rows[i], window.values_of(i, columns)});
    }
  }
  return sending;
}

std::vector<KafkaHeader> KafkaSink::headers_of(EpochId id) const {
  char state[17];
  const std::uint64_t state_id = options_.exactly_once ? claim_.state_id() : identity_.state_id;
  std::snprintf(state, sizeof state, "%016llx", static_cast<unsigned long long>(state_id));
  return {{"gateway", identity_.gateway},
          {"state", state},
          {"run", std::to_string(id.run)},
          {"epoch", std::to_string(id.epoch)}};
}

void KafkaSink::send_all(Sending& sending) {
  for (std::size_t position = 0; position < sending.rows.size(); ++position) {
    if (!refused_.reasons.contains(position) && !refused_.alone.contains(position)) send(sending, position);
  }
  await(sending, 0);
  sending.is_alone = true;
  for (const std::size_t position : refused_.alone) {
    if (!refused_.reasons.contains(position)) send(sending, position);
    await(sending, 0);
  }
  judge_refused(sending);
}

void KafkaSink::send(Sending& sending, std::size_t position) {
  const PlacedRow& row = sending.rows[position];
  if (std::string reason = maker_.make(inputs_[row.input], *row.row, row.values, sending.batch.id, record_);
      !reason.empty()) {
    return refuse(sending, position, reason);
  }
  const std::size_t bytes = record_.key.size() + record_.payload.size();
  if (const auto known = refused_.largest.find(record_.topic);
      known != refused_.largest.end() && bytes >= known->second) {
    return refuse(sending, position, "its record of " + std::to_string(bytes) + " bytes is too large for the topic");
  }
  const KafkaAnswer answer = put(sending, position);
  if (answer.kind != Kind::taken) {
    return refuse(sending, position, "its record of " + std::to_string(bytes) + " bytes is larger than max_message");
  }
  if (sending.in_flight++ == 0) sending.heard = SinkClock::now();
  if (sending.in_flight % 64 == 0) await(sending, sending.in_flight);
}

KafkaAnswer KafkaSink::put(Sending& sending, std::size_t position) {
  KafkaAnswer answer;
  try {
    while (!producer_->put({record_.topic, record_.key, record_.payload, position}, answer)) {
      await(sending, sending.in_flight - std::min<std::size_t>(sending.in_flight, 1));
    }
  } catch (const KafkaFailed&) {
    if (sending.in_flight > 0) await(sending, 0);  // a transaction that has failed takes no record; the reports say why
    throw;
  }
  return answer;
}

// Takes the reports that there are, and waits until at most so many are missing.
void KafkaSink::await(Sending& sending, std::size_t at_most) {
  do {
    const bool must_wait = sending.in_flight > at_most;
    const std::size_t reports = producer_->take_reports(
        must_wait ? report_step : 0ms,
        [&](std::size_t position, const KafkaAnswer& answer) { take_report(sending, position, answer); });
    if (sending.is_spoilt) throw TransactionSpoilt{};
    if (sending.failure) throw KafkaFailed(*sending.failure);
    if (reports > 0) sending.heard = SinkClock::now();
    if (interrupted_) throw KafkaFailed({Kind::later, "interrupted"});
    if (sending.in_flight > 0 && SinkClock::now() - sending.heard >= report_patience) {
      const std::string& why = producer_->connection_error();
      throw KafkaFailed({Kind::later, why.empty() ? "the brokers confirm no record any more" : why});
    }
  } while (sending.in_flight > at_most);
}

void KafkaSink::take_report(Sending& sending, std::size_t position, const KafkaAnswer& answer) {
  if (sending.in_flight > 0) --sending.in_flight;
  if (answer.kind == Kind::taken) return sending.confirmed.add(position);
  if (answer.kind != Kind::too_large && answer.kind != Kind::row_refused) {
    if (!sending.failure) sending.failure = KafkaFailed(answer);
    return;
  }
  sending.is_spoilt = options_.exactly_once;
  if (!sending.is_alone) {
    refused_.alone.insert(position);
    return;
  }
  if (answer.kind == Kind::too_large && options_.compression == KafkaCompression::none) {
    std::size_t& largest = refused_.largest.try_emplace(record_.topic, no_limit).first->second;
    largest = std::min(largest, record_.key.size() + record_.payload.size());
  }
  refuse(sending, position, "the broker refuses its record: " + answer.words);
}

void KafkaSink::refuse(Sending& sending, std::size_t position, const std::string& reason) {
  refused_.reasons[position] = reason;
  sending.confirmed.add(position);
}

// Where all are refused, it is not their content.
void KafkaSink::judge_refused(const Sending& sending) const {
  RefusedTables windows(inputs_.size());
  for (std::size_t position = 0; position < sending.rows.size(); ++position) {
    const PlacedRow& row = sending.rows[position];
    const auto found = refused_.reasons.find(position);
    found == refused_.reasons.end() ? windows.accept(row.input)
                                    : windows.refuse(row.input, *row.row->series, found->second);
  }
  for (const auto& [position, reason] : refused_.reasons) {
    const std::size_t input = sending.rows[position].input;
    if (!windows.refuses_all(input)) continue;
    throw KafkaFailed({Kind::needs_person, "every row of window " + inputs_[input].name +
                                               " in a delivery is refused, so the rows wait: " + reason});
  }
}

std::vector<RejectedRow> KafkaSink::rejected_before(const RowBatch& batch, std::size_t end) const {
  std::vector<RejectedRow> rejected;
  for (const auto& [position, reason] : refused_.reasons) {
    if (position < end) rejected.push_back(rejected_row(batch, inputs_, position, reason));
  }
  return rejected;
}

}  // namespace

std::string kafka_fault(const KafkaSinkOptions& options, const std::string& gateway,
                        const std::vector<WindowSchema>& inputs) {
  KafkaSinkOptions without_transactions = options;
  without_transactions.transactional_id.clear();
  const std::atomic<bool> never = false;
  const KafkaTopic topic(options.topic, gateway);
  try {
    KafkaProducer(without_transactions, never)
        .reach(topic.is_fixed() ? topic.topics_of(inputs) : std::vector<std::string>());
    return {};
  } catch (const std::exception& error) {
    return error.what();
  }
}

std::unique_ptr<Sink> make_kafka_sink(KafkaSinkOptions options, SinkIdentity identity,
                                      std::vector<WindowSchema> inputs) {
  return std::make_unique<KafkaSink>(std::move(options), std::move(identity), std::move(inputs));
}

}  // namespace edgetide
