#include "pipeline/aggregate.h"

namespace edgetide {

std::optional<Aggregate> aggregate_named(std::string_view name) noexcept {
  for (std::size_t i = 0; i < aggregate_count; ++i) {
    if (aggregate_names[i] == name) return static_cast<Aggregate>(i);
  }
  return std::nullopt;
}

}  // namespace edgetide
