// Who may write to a store, and which epochs are new to it: the protocol of every store that keeps a row of state per
// gateway and sink and changes it in the same transaction as the data.
//
//   incarnation  counts the claims. The first `claim` of a process raises it; a process that finds a higher one than
//                its own was taken over (fenced) and stops.
//   newest       the epoch of the last delivery. It stays with a claim if our state directory has made it.
//   state id     what rows are marked with, which separates our rows from others (sinks/row_guard.h). A claim
//                goes on with the id in the store if our state directory has made its newest epoch, and under a new one
//                otherwise: we have an older copy, or somebody else has written.
//
// A store that is older than our claim, or than what we stored last, was restored from a backup, or emptied: it is
// still ours. The sink opens again, and claims it again.
//
// Thread: one at a time. Fails: throws what the transaction throws; the outcome is then the caller's.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sinks/sink.h"

namespace edgetide {

struct ClaimState {
  std::int64_t incarnation = 0;
  EpochId newest;
  std::uint64_t state_id = 0;
  Timestamp updated_at;    // by the store's clock
  std::string claimed_by;  // SinkIdentity::process
  Timestamp claimed_at;
};

struct ClaimWish {
  std::uint64_t state_id = 0;
  std::int64_t lowest = 1;  // incarnation to get
};

// The row of state of one gateway and sink, within a transaction that has begun.
// Fails: throws what the store's client throws. What is not committed is rolled back at its end.
class ClaimTransaction {
 public:
  virtual ~ClaimTransaction() = default;
  // Nothing if there is no row. Locks it: waits for an older transaction of ours that has not yet ended.
  virtual std::optional<ClaimState> read_state() = 0;
  // Raises the incarnation, to `lowest` at least; a row with another state id loses its epoch. Returns it.
  virtual std::int64_t write_claim(const ClaimWish& wish) = 0;
  virtual void write_epoch(EpochId id) = 0;
  virtual void commit() = 0;
};

class StoreClaim {
 public:
  // `store` names it in reasons.
  StoreClaim(std::string store, const SinkIdentity& identity)
      : store_(std::move(store)), identity_(identity), state_id_(identity.state_id) {}

  // At each `open` of the sink. Where tables that had rows of ours are new or empty, no epoch is stored.
  Outcome claim(ClaimTransaction& transaction, bool tables_are_new = false);
  // The next claim is made as the first one of a process.
  void take_over() noexcept { incarnation_.reset(); }

  // What our rows are marked with. Requires: claimed.
  std::uint64_t state_id() const noexcept { return state_id_; }

  // Stores what is new and commits: `store_rows()` writes the rows of the batch and returns those it rejected.
  // Requires: claimed.
  template <typename StoreRows>
  Outcome store(ClaimTransaction& transaction, EpochId id, const StoreRows& store_rows) {
    if (auto settled = settled_without_rows(transaction, id)) return *std::move(settled);
    Delivered delivered{store_rows(), {}};
    transaction.write_epoch(id);
    transaction.commit();
    seen_ = id;
    return delivered;
  }

  // Stopped if another instance has taken the store over, RetryAfter if the store is older than it was. Requires:
  // claimed.
  Outcome held(ClaimTransaction& transaction) const;
  // Requires: claimed.
  std::optional<EpochId> newest(ClaimTransaction& transaction);

 private:
  Stopped fenced(const ClaimState& state) const;
  RetryAfter set_back() const;
  bool is_ours(const ClaimState& state) const noexcept;
  static Delivered opened(ClaimTransaction& transaction, const std::optional<ClaimState>& state, bool tables_are_new);
  std::string notice(const ClaimState& state) const;
  std::optional<Outcome> settled_without_rows(ClaimTransaction& transaction, EpochId id);

  const std::string store_;
  const SinkIdentity identity_;
  std::uint64_t state_id_;
  std::optional<std::int64_t> incarnation_;  // ours, since the first claim
  std::optional<Timestamp> held_until_;      // the store was ours then, by its clock
  EpochId seen_;                             // the newest one in the store, since the claim
};

}  // namespace edgetide
