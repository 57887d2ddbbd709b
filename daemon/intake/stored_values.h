// The newest value of each topic that was taken, for sources whose peer stores values and sends them again to every new
// subscriber (the retained messages of MQTT). So a stored value counts once, however often the source subscribes.
//
// Topics and values are hashes of 48 bits (message_fingerprint.h). A source is known by its name, and is forgotten when
// the daemon starts without it.
//
// Thread: one owner at a time (the intake lock). Fails: never; `load` leaves the reader not `ok`.
// Limit:  two generations of max_topics topics for each source. When the newer one is full the older one is forgotten:
//         what its topics have stored counts once more when it is sent again.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pipeline/bytes.h"

namespace edgetide {

class StoredValues {
 public:
  static constexpr std::size_t max_topics = 32'768;

  std::optional<std::uint64_t> find(std::string_view source, std::uint64_t topic) const {
    const auto of_source = sources_.find(source);
    if (of_source == sources_.end()) return std::nullopt;
    for (const Generation& generation : of_source->second) {
      const auto known = generation.find(topic);
      if (known != generation.end()) return known->second;
    }
    return std::nullopt;
  }

  void note(std::string_view source, std::uint64_t topic, std::uint64_t value) {
    auto of_source = sources_.find(source);
    if (of_source == sources_.end()) of_source = sources_.emplace(source, Generations()).first;
    auto& [newer, older] = of_source->second;
    if (newer.size() >= max_topics && !newer.contains(topic)) {
      older = std::move(newer);
      newer.clear();
    }
    newer[topic] = value;
  }

  // Those of other sources are forgotten.
  void keep(const std::vector<std::string>& sources) {
    std::erase_if(sources_, [&](const auto& one) {
      return std::find(sources.begin(), sources.end(), one.first) == sources.end();
    });
  }

  void save(ByteWriter& out) const {
    out.u32(static_cast<std::uint32_t>(sources_.size()));
    for (const auto& [source, generations] : sources_) {
      out.text(source);
      for (const Generation& generation : generations) {
        out.u32(static_cast<std::uint32_t>(generation.size()));
        for (const auto& [topic, value] : generation) out.numbers(topic, value);
      }
    }
  }
  void load(ByteReader& in) {
    *this = {};
    const std::uint32_t sources = in.u32();
    for (std::uint32_t i = 0; in.ok() && i < sources; ++i) {
      for (Generation& generation : sources_[std::string(in.text())]) {
        const std::uint32_t count = in.u32();
        if (!in.has(count, 16)) return;
        for (std::uint32_t j = 0; j < count; ++j) {
          const std::uint64_t topic = in.u64();
          generation[topic] = in.u64();
        }
      }
    }
  }

 private:
  using Generation = std::map<std::uint64_t, std::uint64_t>;  // ordered: peers choose topics, and so their hashes
  using Generations = std::array<Generation, 2>;              // the newer one first

  std::map<std::string, Generations, std::less<>> sources_;
};

}  // namespace edgetide
