// What holds for every batch, for any input bytes. Reading the strings also shows that they are still valid.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
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

// The same readings, to the last bit, and the same refusals.
inline void check_alike(const DecodedBatch& batch, const DecodedBatch& other) {
  const auto same_labels = [&](const DecodedReading& a, const DecodedReading& b) {
    const auto labels = batch.labels_of(a), others = other.labels_of(b);
    return std::equal(labels.begin(), labels.end(), others.begin(), others.end(),
                      [](const auto& x, const auto& y) { return x.key == y.key && x.value == y.value; });
  };
  require(std::equal(batch.readings.begin(), batch.readings.end(), other.readings.begin(), other.readings.end(),
                     [&](const DecodedReading& a, const DecodedReading& b) {
                       return a.sensor == b.sensor && a.metric == b.metric && a.unit == b.unit &&
                              a.event_time == b.event_time && same_labels(a, b) && a.local == b.local &&
                              a.from_arrival == b.from_arrival &&
                              std::bit_cast<std::uint64_t>(a.value) == std::bit_cast<std::uint64_t>(b.value);
                     }),
          "what was decoded before changes no reading");
  require(std::equal(batch.refusals.begin(), batch.refusals.end(), other.refusals.begin(), other.refusals.end(),
                     [](const DecodedRefusal& a, const DecodedRefusal& b) {
                       return a.reason == b.reason && a.where == b.where && a.offset == b.offset;
                     }),
          "what was decoded before changes no refusal");
  require(batch.inexact == other.inexact, "nor how many readings are inexact");
}

// The first byte picks a route ('0' the first), the rest is the payload. Routes are kept from input to input, as in the
// daemon.
class RoutesUnderTest {
 public:
  explicit RoutesUnderTest(const std::vector<MappingOptions>& mappings) : mappings_(mappings) {
    for (const MappingOptions& mapping : mappings) routers_.push_back(Router({{"s/{device}", mapping}}));
  }

  void decode(std::string_view input) {
    if (input.empty()) return;
    const std::size_t route = take_route(input);
    decode(routers_[route], input, batch_);
    check_promises(batch_, input.size());
  }

  // The same, and the payload twice in a row: a decoder that knows what it has seen decodes as one that has seen
  // nothing.
  void decode_as_new(std::string_view input) {
    if (input.empty()) return;
    const std::size_t route = take_route(input);
    Router fresh({{"s/{device}", mappings_[route]}});
    decode(fresh, input, fresh_batch_);
    for (int i = 0; i < 2; ++i) {
      decode(routers_[route], input, batch_);
      check_promises(batch_, input.size());
      check_alike(batch_, fresh_batch_);
    }
  }

 private:
  std::size_t take_route(std::string_view& input) const {
    const auto first = static_cast<unsigned char>(input.front() - '0');
    input.remove_prefix(1);
    return first % routers_.size();
  }
  static void decode(Router& router, std::string_view payload, DecodedBatch& batch) {
    batch.clear();
    router.decode("s/device", payload, batch);
  }

  std::vector<MappingOptions> mappings_;
  std::vector<Router> routers_;
  DecodedBatch batch_, fresh_batch_;
};

// What a fuzz target of a decoder does with an input: `mappings()` are its routes.
template <auto mappings>
int decode_input(const std::uint8_t* data, std::size_t size) {
  static RoutesUnderTest routes(mappings());
  routes.decode(text_of(data, size));
  return 0;
}

// The same for a decoder that remembers what makes the next payload quicker.
template <auto mappings>
int decode_input_as_new(const std::uint8_t* data, std::size_t size) {
  static RoutesUnderTest routes(mappings());
  routes.decode_as_new(text_of(data, size));
  return 0;
}

}  // namespace edgetide
