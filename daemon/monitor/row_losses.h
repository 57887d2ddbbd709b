// When each sink has last dropped or rejected rows, as far as looks at its counts can say.
//
// Units: running time. Thread: one owner at a time. Fails: never.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "pipeline/time.h"

namespace edgetide {

class RowLosses {
 public:
  // `total` rows since the start, by the sink of this name. A count that has become less is that of a new sink.
  void note(const std::string& sink, std::uint64_t total, Duration now) {
    Count& count = counts_[sink];
    if (total > count.total) count.lost_at = now;
    count.total = total;
  }
  std::optional<Duration> ago(const std::string& sink, Duration now) const {
    const auto found = counts_.find(sink);
    if (found == counts_.end() || !found->second.lost_at) return std::nullopt;
    return now - *found->second.lost_at;
  }

 private:
  struct Count {
    std::uint64_t total = 0;
    std::optional<Duration> lost_at = {};
  };
  std::map<std::string, Count> counts_;
};

}  // namespace edgetide
