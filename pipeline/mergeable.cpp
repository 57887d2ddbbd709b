#include "pipeline/mergeable.h"

#include <algorithm>
#include <vector>

namespace edgetide {

void add_merge_aggregates(WindowOptions& window) {
  const auto reads_sketch = [](const Aggregate& each) { return kind_of(each).reads.has(StatePart::sketch); };
  std::vector<Aggregate> wanted = {Aggregate::count, Aggregate::sum, Aggregate::m2};
  if (std::any_of(window.aggregates.begin(), window.aggregates.end(), reads_sketch))
    wanted.push_back(Aggregate::sketch);
  for (const Aggregate& each : wanted) {
    if (std::find(window.aggregates.begin(), window.aggregates.end(), each) != window.aggregates.end()) continue;
    window.aggregates.push_back(each);
    ++window.merge_only;
  }
}

}  // namespace edgetide
