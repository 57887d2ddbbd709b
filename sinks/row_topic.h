// The MQTT topic of a row: fixed text and "{names}" of what the row is, "site/{gateway}/{window}/{sensor}/{metric}".
//
// Names.  {gateway}, {window}, {sensor}, {metric} and {label.NAME}. What a row does not have is empty: a label that its
//         series does not have, sensor and metric of a group.
// Owns:   its text. Thread: immutable, so any.
// Fails:  a template that cannot be used has a reason; a row whose topic no broker accepts has one too.
// Limit:  65,535 bytes of a topic, as MQTT has it, and so many levels.
// See:    MQTT Version 5.0, 4.7
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sinks/row_batch.h"

namespace edgetide {

class RowTopic {
 public:
  // Those that a template may use; "label." stands for all labels.
  static std::span<const std::string_view> names() noexcept;

  struct Fault {
    std::string reason;
    std::string unknown_name = {};  // that it uses
  };
  // Nothing: it can be used.
  static std::optional<Fault> fault_of(std::string_view text);

  // Requires: `fault_of` has none.
  RowTopic(std::string_view text, std::string gateway, std::size_t max_levels);

  // Sets `topic`. Returns why no broker accepts it; empty: it is well.
  std::string expand(const WindowSchema& window, const Series& series, std::string& topic) const;

 private:
  struct Part {
    enum class Kind { fixed, gateway, window, sensor, metric, label } kind;
    std::string text;  // fixed text, or the label's name
  };
  static std::optional<Fault> parse(std::string_view text, std::vector<Part>& parts);
  static std::optional<Fault> add_name(std::string_view name, std::vector<Part>& parts);
  std::string_view value_of(const Part& part, const WindowSchema& window, const Series& series) const;

  std::vector<Part> parts_;
  const std::string gateway_;
  const std::size_t max_levels_;
};

}  // namespace edgetide
