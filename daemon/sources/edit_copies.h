// Which messages are copies around an edit of the routes, where it is not certain which of two filters the broker had
// when it sent them: it was asked to end one, and its answer was lost, or came while messages waited behind it. The
// copies of a message follow each other in the order of their ranks (mqtt_subscriptions.h).
//
//   counts     the next message of the session, which is not left out; false: a copy before it counted, or one behind
//              it will
//   begins     the broker has answered for a new subscription: no copy before belongs to one through it
//   pass       no copy before belongs to one behind
//   state      what a later run has to know of the newest message, if it is unsure
//   resume     this was it
//
// Thread: one owner at a time; pure. Fails: never.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>

#include "daemon/sources/mqtt_subscriptions.h"
#include "pipeline/time.h"

namespace edgetide {

class EditCopies {
 public:
  // Copies follow each other this fast, or after an answer of ours, where the broker waits for one between them.
  static constexpr Duration within = Duration::milliseconds(20);

  struct Message {
    std::uint64_t text = 0;
    Duration at;
    bool is_resent = false;  // it came before, with an earlier connection
  };
  bool counts(MqttSubscriptions::Copy copy, const Message& message, Duration answer_time) noexcept {
    using Kind = MqttSubscriptions::Copy::Kind;
    if (copy.kind == Kind::counts) {
      pass();
      return true;
    }
    const bool may_count = copy.kind == Kind::unsure;
    const bool follows = newest_ && newest_->text == message.text && newest_->rank < copy.rank &&
                         copy.identifier < newest_->partners_below &&
                         (message.is_resent || message.at - newest_->at <= within + answer_time);
    const bool has_counted = follows && newest_->has_counted;
    const std::uint32_t partners_below = follows ? newest_->partners_below : Newest().partners_below;
    newest_ = {message.text, copy.rank, copy.identifier, message.at, has_counted || may_count, partners_below};
    return may_count && !has_counted;
  }
  void begins(std::uint32_t identifier) noexcept {
    if (newest_) newest_->partners_below = std::min(newest_->partners_below, identifier);
  }
  void pass() noexcept { newest_.reset(); }

  struct State {
    std::uint64_t text = 0;
    std::uint32_t identifier = 0;
    bool has_counted = false;  // it, or a copy before it
    bool operator==(const State&) const = default;
  };
  std::optional<State> state() const noexcept {
    if (!newest_) return std::nullopt;
    return State{newest_->text, newest_->identifier, newest_->has_counted};
  }
  // Only what is sent again can belong to it.
  void resume(const State& state, std::size_t rank) noexcept {
    constexpr Duration long_ago = Duration::microseconds(std::numeric_limits<std::int64_t>::min());
    newest_ = {state.text, rank, state.identifier, long_ago, state.has_counted, Newest().partners_below};
  }

 private:
  struct Newest {
    std::uint64_t text = 0;
    std::size_t rank = 0;
    std::uint32_t identifier = 0;
    Duration at;
    bool has_counted = false;
    std::uint32_t partners_below = std::numeric_limits<std::uint32_t>::max();  // their identifiers are smaller
  };
  std::optional<Newest> newest_;
};

}  // namespace edgetide
