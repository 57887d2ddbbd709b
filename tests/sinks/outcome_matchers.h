// Matchers for what a sink answers; a mismatch prints the outcome and its reason.
#pragma once

#include <gmock/gmock.h>
#include <optional>
#include <ostream>
#include <string>
#include <variant>

#include "sinks/sink.h"

namespace edgetide {

inline void PrintTo(const RejectedRow& row, std::ostream* out) {
  *out << row.sensor << " (" << row.reason << ')';
}

inline void PrintTo(const Delivered& delivered, std::ostream* out) {
  *out << "Delivered, rejected: " << testing::PrintToString(delivered.rejected) << ' ' << delivered.notice;
}
inline void PrintTo(const RetryAfter& later, std::ostream* out) {
  *out << "RetryAfter " << later.at_least.count() << " us: " << later.reason;
}
inline void PrintTo(const InDoubt& doubt, std::ostream* out) {
  *out << "InDoubt: " << doubt.reason;
}
inline void PrintTo(const Stopped& stopped, std::ostream* out) {
  *out << "Stopped: " << stopped.reason;
}

inline void PrintTo(const EpochId& id, std::ostream* out) {
  *out << "run " << id.run << " epoch " << id.epoch;
}

namespace test {

inline auto IsDelivered() {
  return testing::VariantWith<Delivered>(testing::Field(&Delivered::rejected, testing::IsEmpty()));
}
template <typename Rejected>
auto IsDelivered(Rejected rejected) {
  return testing::VariantWith<Delivered>(testing::Field(&Delivered::rejected, rejected));
}
template <typename Notice>
auto HasNotice(Notice notice) {
  return testing::VariantWith<Delivered>(testing::Field(&Delivered::notice, notice));
}
template <typename Reason>
auto IsRetryAfter(Reason reason) {
  return testing::VariantWith<RetryAfter>(testing::Field(&RetryAfter::reason, reason));
}
template <typename Reason>
auto IsStopped(Reason reason) {
  return testing::VariantWith<Stopped>(testing::Field(&Stopped::reason, reason));
}
inline auto IsInDoubt() {
  return testing::VariantWith<InDoubt>(testing::_);
}

// What the store says, or a failure of the test.
inline std::optional<EpochId> stored_id(Sink& sink) {
  const auto answer = sink.last_epoch();
  if (const auto* later = std::get_if<RetryAfter>(&answer)) {
    ADD_FAILURE() << later->reason;
    return std::nullopt;
  }
  if (const auto* stopped = std::get_if<Stopped>(&answer)) {
    ADD_FAILURE() << stopped->reason;
    return std::nullopt;
  }
  return std::get<0>(answer);
}
inline std::optional<std::uint64_t> stored_epoch(Sink& sink) {
  const std::optional<EpochId> id = stored_id(sink);
  return id ? std::optional(id->epoch) : std::nullopt;
}

}  // namespace test
}  // namespace edgetide
