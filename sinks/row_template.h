// A text that is made of what a row is: fixed parts and "{names}", "site/{gateway}/{window}/{sensor}/{metric}".
//
// Names.  {gateway}, {window}, {sensor}, {metric} and {label.NAME}. What a row does not have is empty: a label that its
//         series does not have, sensor and metric of a group.
// Owns:   its text. Thread: immutable, so any.
// Fails:  a template that cannot be used has a reason.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sinks/row_batch.h"

namespace edgetide {

class RowTemplate {
 public:
  // Those that a template may use; "label." stands for all labels.
  static std::span<const std::string_view> names() noexcept;

  struct Fault {
    std::string reason;
    std::string unknown_name = {};  // that it uses
  };
  // Nothing: it can be used.
  static std::optional<Fault> fault_of(std::string_view text);

  struct Part {
    enum class Kind { fixed, gateway, window, sensor, metric, label } kind;
    std::string text;  // fixed text, or the label's name
    bool is_of_series() const noexcept { return kind >= Kind::sensor; }
  };

  // Of a text with a fault, the parts before it.
  RowTemplate(std::string_view text, std::string gateway);

  const std::vector<Part>& parts() const noexcept { return parts_; }
  std::string_view value_of(const Part& part, const WindowSchema& window, const Series& series) const;

 private:
  static std::optional<Fault> parse(std::string_view text, std::vector<Part>& parts);
  static std::optional<Fault> add_name(std::string_view name, std::vector<Part>& parts);

  std::vector<Part> parts_;
  const std::string gateway_;
};

}  // namespace edgetide
