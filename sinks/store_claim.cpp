#include "sinks/store_claim.h"

#include <algorithm>

#include "pipeline/time_text.h"

namespace edgetide {

namespace {

// No other claim gets the same: an incarnation of a gateway and sink is given once. 0 < id < 2^63.
std::uint64_t new_state_id(std::uint64_t own, const ClaimState& state) noexcept {
  std::uint64_t bits = own ^ (state.state_id << 1) ^ (state.newest.run * 0x9e3779b97f4a7c15);
  for (const std::uint64_t part : {state.newest.epoch, static_cast<std::uint64_t>(state.incarnation)}) {
    bits = (bits + part + 0x9e3779b97f4a7c15) * 0xbf58476d1ce4e5b9;
    bits ^= bits >> 31;
  }
  return (bits >> 1) | 1;
}

}  // namespace

// An epoch of the same run, which is ours and which no delivered epoch precedes.
Delivered StoreClaim::opened(ClaimTransaction& transaction, const std::optional<ClaimState>& state,
                             bool tables_are_new) {
  Delivered delivered;
  if (!state || state->newest == EpochId{}) return delivered;
  delivered.stored_at = state->updated_at;
  delivered.tables_are_new = tables_are_new;
  if (tables_are_new) transaction.write_epoch({state->newest.run, 0});
  return delivered;
}

Outcome StoreClaim::claim(ClaimTransaction& transaction, bool tables_are_new) {
  const std::optional<ClaimState> state = transaction.read_state();
  seen_ = {};
  if (incarnation_ && state) {
    if (state->incarnation > *incarnation_) return fenced(*state);
    if (state->incarnation == *incarnation_) {
      Delivered again = opened(transaction, state, tables_are_new);
      if (again.tables_are_new) transaction.commit();
      return again;
    }
  }
  Delivered claimed;
  std::uint64_t state_id = state_id_;
  if (state && !is_ours(*state)) {
    state_id = new_state_id(state_id_, *state);
    claimed.notice = notice(*state);
  } else if (state) {
    state_id = state->state_id;
    claimed = opened(transaction, state, tables_are_new);
  }
  const std::int64_t incarnation = transaction.write_claim({state_id, incarnation_.value_or(1)});
  transaction.commit();
  incarnation_ = incarnation;  // only now: a claim whose commit is in doubt is made again
  state_id_ = state_id;
  return claimed;
}

bool StoreClaim::is_ours(const ClaimState& state) const noexcept {
  if (identity_.history == nullptr || state.newest == EpochId{}) return state.state_id == state_id_;
  return identity_.history->has(state.newest);
}

Stopped StoreClaim::fenced(const ClaimState& state) const {
  const std::string who = state.claimed_by.empty() ? std::string() : " (" + state.claimed_by + ")";
  return {"another instance" + who + " has taken over gateway " + identity_.gateway + ", sink " + identity_.sink +
              " at " + to_rfc3339(state.claimed_at) + " in " + store_ + "; rows wait here, `edgetide sink take " +
              identity_.sink + "` or a restart delivers them",
          true};
}

std::string StoreClaim::notice(const ClaimState& state) const {
  std::optional<Timestamp> from = held_until_;
  if (!from && identity_.history != nullptr) from = identity_.history->end();
  // Of two clocks, and the store's counts seconds: the one can be behind the other.
  const Timestamp until = std::max(state.updated_at, from.value_or(state.updated_at));
  if (from) from = std::min(*from, state.updated_at);
  const std::string who = state.claimed_by.empty() ? std::string() : ", claimed by " + state.claimed_by;
  return "rows of windows that were open " + (from ? "from " + to_rfc3339(*from) + " until " : std::string("until ")) +
         to_rfc3339(until) + " may be incomplete: " + store_ + " holds rows that this state directory never made" +
         who +
         "; it is an older copy, damaged or new, or another instance has written. Only rows of at least as many "
         "readings "
         "replace them";
}

// Nothing: the rows of this epoch are to be stored.
std::optional<Outcome> StoreClaim::settled_without_rows(ClaimTransaction& transaction, EpochId id) {
  const std::optional<ClaimState> state = transaction.read_state();
  if (!state || state->incarnation < *incarnation_) {
    return RetryAfter{Duration(), store_ + ": the claim is gone from sink_state"};
  }
  if (state->incarnation > *incarnation_) return fenced(*state);
  if (state->newest < seen_) return set_back();
  held_until_ = state->updated_at;
  seen_ = state->newest;
  if (state->newest >= id) return Delivered{};
  return std::nullopt;
}

Outcome StoreClaim::held(ClaimTransaction& transaction) const {
  const std::optional<ClaimState> state = transaction.read_state();
  if (state && state->incarnation > *incarnation_) return fenced(*state);
  if (state && state->newest < seen_) return set_back();
  return Delivered{};
}

RetryAfter StoreClaim::set_back() const {
  return {Duration(), store_ + " lacks what was stored in it last: it was restored or replaced; opens it again"};
}

std::optional<EpochId> StoreClaim::newest(ClaimTransaction& transaction) {
  const std::optional<ClaimState> state = transaction.read_state();
  if (!state || state->incarnation != *incarnation_ || state->newest == EpochId{}) return std::nullopt;
  seen_ = state->newest;
  return state->newest;
}

}  // namespace edgetide
