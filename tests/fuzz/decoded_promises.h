// What holds for every batch, for any input bytes. Reading the strings also shows that they are still valid.
#pragma once

#include <cmath>
#include <string_view>
#include <vector>

#include "daemon/decoders/decoder.h"
#include "daemon/decoders/id_text.h"
#include "daemon/decoders/route.h"
#include "tests/fuzz/fuzz_target.h"

namespace edgetide {

inline void check_promises(const DecodedBatch& batch, std::size_t payload_bytes) {
  require(batch.readings.size() + batch.refusals.size() <= max_values_per_message, "values are bounded");
  for (const DecodedReading& reading : batch.readings) {
    require(is_id(reading.sensor), "a sensor is an id");
    require(is_id(reading.metric), "a metric is an id");
    require(is_id_or_empty(reading.unit), "a unit is an id or empty");
    require(std::abs(reading.from_arrival.count()) < std::int64_t{1'000'000} << 28, "a time is near its arrival");
    require(std::isfinite(reading.value), "a value is finite");
    require(reading.first_label + std::size_t{reading.label_count} <= batch.labels.size(), "labels are in the batch");
    for (const LabelView& label : batch.labels_of(reading)) {
      require(is_id(label.key) && is_id_or_empty(label.value), "a label is two ids");
    }
  }
  for (const DecodedRefusal& refusal : batch.refusals) {
    require(static_cast<std::size_t>(refusal.reason) < refusal_count, "a refusal has a name");
    require(refusal.offset <= payload_bytes, "a refusal is inside the payload");
    require(refusal.where.find('\xFF') == std::string_view::npos, "where it was can be read");
  }
}

// The first byte picks a route ('0' the first), the rest is the payload. Routes are kept from input to input, as in the
// daemon.
class RoutesUnderTest {
 public:
  explicit RoutesUnderTest(const std::vector<MappingOptions>& mappings) {
    for (const MappingOptions& mapping : mappings) routers_.push_back(Router({{"s/{device}", mapping}}));
  }

  void decode(std::string_view input) {
    if (input.empty()) return;
    Router& router = routers_[static_cast<unsigned char>(input.front() - '0') % routers_.size()];
    input.remove_prefix(1);
    batch_.clear();
    router.decode("s/device", input, batch_);
    check_promises(batch_, input.size());
  }

 private:
  std::vector<Router> routers_;
  DecodedBatch batch_;
};

// What a fuzz target of a decoder does with an input: `mappings()` are its routes.
template <auto mappings>
int decode_input(const std::uint8_t* data, std::size_t size) {
  static RoutesUnderTest routes(mappings());
  routes.decode(text_of(data, size));
  return 0;
}

}  // namespace edgetide
