// The MQTT topic of a row, by a template (row_template.h): "site/{gateway}/{window}/{sensor}/{metric}".
//
// Owns:   its text. Thread: immutable, so any.
// Fails:  a template that cannot be used has a reason; a row whose topic no broker accepts has one too.
// Limit:  65,535 bytes of a topic, as MQTT has it, and so many levels.
// See:    MQTT Version 5.0, 4.7
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "sinks/row_batch.h"
#include "sinks/row_template.h"

namespace edgetide {

class RowTopic {
 public:
  using Fault = RowTemplate::Fault;
  // Nothing: it can be used.
  static std::optional<Fault> fault_of(std::string_view text);

  // Requires: `fault_of` has none.
  RowTopic(std::string_view text, std::string gateway, std::size_t max_levels);

  // Sets `topic`. Returns why no broker accepts it; empty: it is well.
  std::string expand(const WindowSchema& window, const Series& series, std::string& topic) const;

 private:
  const RowTemplate template_;
  const std::size_t max_levels_;
};

}  // namespace edgetide
