// Which messages are copies after an edit of the routes, where it is not certain that the broker had both the former
// and the newer filter when it sent them: it was asked to end the former one, and its answer was lost, or came while
// messages waited behind it. The copies of a message follow each other, in an order that the filters decide.
//
//   is_copy    the next message of the session came through a former filter or a newer one; what matches both
//   pass       it is another one, or the newer filter begins here: nothing before is copied behind
//
// Thread: one owner at a time; pure. Fails: never.
#pragma once

#include <cstdint>
#include <optional>

#include "pipeline/time.h"

namespace edgetide {

class EditCopies {
 public:
  static constexpr Duration within = Duration::milliseconds(20);

  struct Message {
    bool through_former = false;
    bool former_comes_first = true;
    bool counts = true;  // false: it is known that its copy does
    std::uint64_t text = 0;
    Duration at;
  };
  // True: it is the second of two copies, and the first one counted.
  bool is_copy(const Message& message) noexcept {
    const bool comes_second = message.through_former != message.former_comes_first;
    if (comes_second && first_ && first_->text == message.text && message.at - first_->at <= within) {
      const bool counted = first_->counts;
      first_.reset();
      return counted;
    }
    first_ = comes_second ? std::nullopt : std::optional(message);
    return false;
  }
  void pass() noexcept { first_.reset(); }

 private:
  std::optional<Message> first_;  // the newest message, if a copy may follow it
};

}  // namespace edgetide
