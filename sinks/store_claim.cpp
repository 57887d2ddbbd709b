#include "sinks/store_claim.h"

namespace edgetide {

Outcome StoreClaim::claim(ClaimTransaction& transaction) {
  if (incarnation_) {
    const std::optional<ClaimState> state = transaction.read_state();
    if (state && state->incarnation > *incarnation_) return fenced();
    if (state && state->incarnation == *incarnation_) return Delivered{};
  }
  const std::int64_t incarnation = transaction.write_claim(incarnation_.value_or(1));
  transaction.commit();
  incarnation_ = incarnation;  // only now: a claim whose commit is in doubt is made again
  return Delivered{};
}

// Nothing: the rows of this epoch are to be stored.
std::optional<Outcome> StoreClaim::settled_without_rows(ClaimTransaction& transaction, EpochId id) const {
  const std::optional<ClaimState> state = transaction.read_state();
  if (!state || state->incarnation < *incarnation_) {
    return RetryAfter{Duration(), store_ + ": the claim is gone from sink_state"};
  }
  if (state->incarnation > *incarnation_) return fenced();
  if (state->newest >= id) return Delivered{};
  return std::nullopt;
}

std::optional<EpochId> StoreClaim::newest(ClaimTransaction& transaction) const {
  const std::optional<ClaimState> state = transaction.read_state();
  if (!state || state->incarnation != *incarnation_ || state->newest == EpochId{}) return std::nullopt;
  return state->newest;
}

}  // namespace edgetide
