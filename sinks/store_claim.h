// Who may write to a store, and which epochs are new to it: the protocol of every store that keeps a row of state per
// gateway and sink and changes it in the same transaction as the data.
//
//   incarnation  counts the claims. The first `claim` of a process raises it; a process that finds a higher one than
//                its own was taken over (fenced) and stops.
//   newest       the epoch of the last delivery. It stays with a claim from the same state directory.
//
// A store that is older than our claim was restored from a backup, or emptied: it is still ours and is claimed again.
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
};

// The row of state of one gateway and sink, within a transaction that has begun.
// Fails: throws what the store's client throws. What is not committed is rolled back at its end.
class ClaimTransaction {
 public:
  virtual ~ClaimTransaction() = default;
  // Nothing if there is no row. Locks it: waits for an older transaction of ours that has not yet ended.
  virtual std::optional<ClaimState> read_state() = 0;
  // Raises the incarnation, to `lowest` at least; a row of another state directory loses its epoch. Returns it.
  virtual std::int64_t write_claim(std::int64_t lowest) = 0;
  virtual void write_epoch(EpochId id) = 0;
  virtual void commit() = 0;
};

class StoreClaim {
 public:
  // `store` names it in reasons.
  StoreClaim(std::string store, const SinkIdentity& identity)
      : store_(std::move(store)), who_("gateway " + identity.gateway + ", sink " + identity.sink) {}

  // At each `open` of the sink.
  Outcome claim(ClaimTransaction& transaction);

  // Stores what is new and commits: `store_rows()` writes the rows of the batch and returns those it rejected.
  // Requires: claimed.
  template <typename StoreRows>
  Outcome store(ClaimTransaction& transaction, EpochId id, const StoreRows& store_rows) {
    if (auto settled = settled_without_rows(transaction, id)) return *std::move(settled);
    Delivered delivered{store_rows()};
    transaction.write_epoch(id);
    transaction.commit();
    return delivered;
  }

  // Requires: claimed.
  std::optional<EpochId> newest(ClaimTransaction& transaction) const;

 private:
  Stopped fenced() const { return {store_ + ": another instance has taken over " + who_}; }
  std::optional<Outcome> settled_without_rows(ClaimTransaction& transaction, EpochId id) const;

  const std::string store_;
  const std::string who_;
  std::optional<std::int64_t> incarnation_;  // ours, since the first claim
};

}  // namespace edgetide
