// Which source is where. A source is given an id once and keeps it as long as the daemon lives; its place in the
// pipeline is that of the configuration, and moves when that is read again. So a source that was not changed runs on
// through a reload and need not know of it.
//
// Owns:   the names. Thread: one owner at a time (the intake lock). Fails: never.
// Limit:  grows with the different names that the configurations of one run have had.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "pipeline/reading.h"

namespace edgetide {

class SourceSlots {
 public:
  // `names` by slot; ids are the same at first.
  explicit SourceSlots(std::vector<std::string> names) { move_to(std::move(names)); }

  // The places of a new configuration. A source that is not in it has none.
  void move_to(std::vector<std::string> names) {
    for (Known& known : known_) known.slot.reset();
    names_ = std::move(names);
    for (std::uint32_t i = 0; i < names_.size(); ++i) known_[index_of(id_of(names_[i]))].slot = SourceId{i};
  }

  SourceId id_of(const std::string& name) {
    const auto found = std::find_if(known_.begin(), known_.end(), [&](const Known& one) { return one.name == name; });
    const auto id = static_cast<std::uint32_t>(found - known_.begin());
    if (found == known_.end()) known_.push_back({name, std::nullopt});
    return SourceId{id};
  }
  std::optional<SourceId> slot_of(SourceId id) const noexcept {
    return index_of(id) < known_.size() ? known_[index_of(id)].slot : std::nullopt;
  }
  // Requires: a source has that place.
  SourceId id_at(SourceId slot) const noexcept {
    const auto found = std::find_if(known_.begin(), known_.end(), [&](const Known& one) { return one.slot == slot; });
    return SourceId{static_cast<std::uint32_t>(found - known_.begin())};
  }
  const std::string& name_of(SourceId id) const noexcept { return known_[index_of(id)].name; }
  std::size_t ids() const noexcept { return known_.size(); }

  const std::vector<std::string>& names() const noexcept { return names_; }  // by slot

 private:
  struct Known {
    std::string name;
    std::optional<SourceId> slot;
  };
  std::vector<Known> known_;  // by id
  std::vector<std::string> names_;
};

}  // namespace edgetide
