// The Kafka topic of a row, by a template (row_template.h): "edgetide.{window}".
//
// Owns:   its text. Thread: immutable, so any.
// Fails:  a template that cannot be used has a reason; a row whose topic Kafka cannot have has one too.
// Limit:  as kafka_topic_name.h.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sinks/row_batch.h"
#include "sinks/row_template.h"

namespace edgetide {

class KafkaTopic {
 public:
  using Fault = RowTemplate::Fault;
  // Nothing: it can be used.
  static std::optional<Fault> fault_of(std::string_view text);

  // Requires: `fault_of` has none.
  KafkaTopic(std::string_view text, std::string gateway);

  // No topic depends on what a row is about, so all are known beforehand.
  bool is_fixed() const noexcept;
  // Of rows of these windows, each once and sorted. Requires: is_fixed.
  std::vector<std::string> topics_of(const std::vector<WindowSchema>& inputs) const;

  // Sets `topic`. Returns why Kafka cannot have it; empty: it is well.
  std::string expand(const WindowSchema& window, const Series& series, std::string& topic) const;

 private:
  const RowTemplate template_;
};

}  // namespace edgetide
