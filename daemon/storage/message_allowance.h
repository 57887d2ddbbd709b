// How many refused messages the quarantine may still keep of each source: so many at once, then one now and then, since
// a flash card wears with every write and a device that sends garbage sends it all day.
//
// Units:  `now` is monotonic time. Thread: one owner at a time. Pure; never fails.
// Limit:  an entry per source whose messages were refused lately.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "pipeline/time.h"

namespace edgetide {

class MessageAllowance {
 public:
  // `burst` at once, and one more after each `every`.
  MessageAllowance(std::size_t burst, Duration every) noexcept
      : every_(every), most_(every.count() * static_cast<std::int64_t>(burst)) {}

  // True: one may be kept, and counts. (A leaky bucket as GCRA has it, ITU-T I.371: one time per source.)
  bool take(std::string_view source, Duration now) {
    auto empty_at = empty_at_.find(source);
    if (empty_at == empty_at_.end()) {
      std::erase_if(empty_at_, [now](const auto& entry) { return entry.second <= now; });
      empty_at = empty_at_.emplace(source, now).first;
    }
    const Duration next = std::max(empty_at->second, now) + every_;
    if ((next - now).count() > most_) return false;
    empty_at->second = next;
    return true;
  }

 private:
  Duration every_;
  std::int64_t most_;                                      // microseconds
  std::map<std::string, Duration, std::less<>> empty_at_;  // the bucket of a source; one that is empty need not be here
};

}  // namespace edgetide
