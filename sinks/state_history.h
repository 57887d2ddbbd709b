// Which epochs a state directory has made: how far each of its runs came. A store that holds another one was written by
// somebody else, or by this gateway before its directory was replaced by an older copy.
//
// Owns:   values. Thread: recovery writes it before the sinks open; read from any thread then.
// Limit:  the newest 256 runs. An epoch of an older one is taken for somebody else's, which costs nothing but the
//         right to replace a row by one of fewer readings.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

#include "pipeline/bytes.h"
#include "pipeline/time.h"
#include "sinks/row_batch.h"

namespace edgetide {

class StateHistory {
 public:
  // The run came this far. Runs in any order, also more than once.
  void note(EpochId last) {
    if (last.run == 0) return;
    const auto found =
        std::find_if(runs_.begin(), runs_.end(), [&](const EpochId& known) { return known.run == last.run; });
    if (found != runs_.end()) {
      found->epoch = std::max(found->epoch, last.epoch);
    } else {
      runs_.push_back(last);
      if (runs_.size() > max_runs) runs_.erase(runs_.begin());
    }
  }
  // All epochs of the run that begins are ours.
  void begin(std::uint64_t run) { note({run, std::numeric_limits<std::uint64_t>::max()}); }
  // What is known ends here: when the newest thing recovered happened.
  void set_end(std::optional<Timestamp> end) noexcept { end_ = end; }

  bool has(EpochId id) const noexcept {
    return std::any_of(runs_.begin(), runs_.end(),
                       [&](const EpochId& known) { return known.run == id.run && id.epoch <= known.epoch; });
  }
  std::optional<Timestamp> end() const noexcept { return end_; }

  void save(ByteWriter& out) const {
    out.u32(static_cast<std::uint32_t>(runs_.size()));
    for (const EpochId& run : runs_) out.numbers(run.run, run.epoch);
  }
  void load(ByteReader& in) {
    runs_.clear();
    const std::uint32_t count = in.u32();
    in.require(count <= max_runs);
    for (std::uint32_t i = 0; i < count && in.ok(); ++i) {
      const std::uint64_t run = in.u64();
      note({run, in.u64()});
    }
  }

 private:
  static constexpr std::size_t max_runs = 256;
  std::vector<EpochId> runs_;  // the newest last
  std::optional<Timestamp> end_;
};

}  // namespace edgetide
