// Of sinks with `on = "change"`: for which series their condition held at the newest window that was judged. Part of a
// checkpoint; a replay of the journal judges what came since. Bytes: how many in 4; for each the names of sink, window,
// sensor and metric, the start in 8, whether it holds in 1.
//
// Thread: one owner at a time (the intake lock). Fails: never; `load` leaves the reader not `ok`.
// Limit:  max_series; beyond it the half whose windows are oldest is forgotten. A forgotten one does not hold.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "pipeline/bytes.h"
#include "pipeline/time.h"

namespace edgetide {

class RowEdges {
 public:
  static constexpr std::size_t max_series = 20'000;

  struct Key {
    std::string sink;
    std::string window;
    std::string sensor;
    std::string metric;
    auto operator<=>(const Key&) const = default;
  };

  // Whether the condition begins or ends to hold with this window. A window before the newest one that was judged
  // changes nothing.
  bool turns(const Key& key, Timestamp start, bool holds) {
    const auto known = states_.find(key);
    if (known == states_.end()) {
      make_room();
      states_.emplace(key, State{start, holds});
      return holds;
    }
    if (start < known->second.start) return false;
    return std::exchange(known->second, {start, holds}).holds != holds;
  }

  // Those of other sinks are forgotten.
  void keep(const std::vector<std::string>& sinks) {
    std::erase_if(
        states_, [&](const auto& one) { return std::find(sinks.begin(), sinks.end(), one.first.sink) == sinks.end(); });
  }

  std::size_t size() const noexcept { return states_.size(); }

  void save(ByteWriter& out) const {
    out.u32(static_cast<std::uint32_t>(states_.size()));
    for (const auto& [key, state] : states_) {
      for (const std::string* const name : {&key.sink, &key.window, &key.sensor, &key.metric}) out.text(*name);
      out.time(state.start);
      out.u8(state.holds ? 1 : 0);
    }
  }
  void load(ByteReader& in) {
    states_.clear();
    const std::uint32_t count = in.u32();
    for (std::uint32_t i = 0; i < count && in.ok(); ++i) {
      Key key;
      for (std::string* const name : {&key.sink, &key.window, &key.sensor, &key.metric}) *name = in.text();
      const Timestamp start = in.time();
      states_[std::move(key)] = {start, in.u8() != 0};
    }
  }

 private:
  struct State {
    Timestamp start;
    bool holds = false;
  };

  void make_room() {
    if (states_.size() < max_series) return;
    std::vector<Timestamp> starts;
    for (const auto& [key, state] : states_) starts.push_back(state.start);
    const auto middle = starts.begin() + static_cast<std::ptrdiff_t>(starts.size() / 2);
    std::nth_element(starts.begin(), middle, starts.end());
    std::erase_if(states_, [&](const auto& one) { return one.second.start <= *middle; });
  }

  std::map<Key, State> states_;
};

}  // namespace edgetide
