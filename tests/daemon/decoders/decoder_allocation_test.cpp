#include <gtest/gtest.h>
#include <string>

#include "tests/daemon/decoders/decoded_text.h"
#include "tests/fakes/counting_allocator.h"

namespace edgetide {
namespace {

RouteOptions route_of(PayloadFormat format) {
  RouteOptions route{"s/{device}", {}};
  route.mapping.format = format;
  if (format == PayloadFormat::json) {
    route.mapping.time.path = "ts";
    route.mapping.labels = {{"model", "model"}};
  }
  return route;
}

TEST(Decoders, decoding_allocates_nothing_once_buffers_have_grown) {
  const struct {
    PayloadFormat format;
    const char* payload;
  } cases[] = {
      {PayloadFormat::json, R"({"ts":1732100000123,"model":"some model","temperature":21.5,"a":{"b":[1,2,3]}})"},
      {PayloadFormat::json, "not json"},
      {PayloadFormat::number, "21,5 °C"},
      {PayloadFormat::influx, "weather\\ x,site=lyon temp=21.4,hum=45i,bad=x 1465839830100400200\nbad\n"},
      {PayloadFormat::csv, "t,\"h \"\"x\"\"\"\n1,2\n3\n"},
  };
  for (const auto& c : cases) {
    Router router({route_of(c.format)});
    DecodedBatch batch;
    const auto decode = [&] {
      batch.clear();
      router.decode("s/kitchen", c.payload, batch);
    };
    decode();
    const std::uint64_t before = test::allocations();
    for (int i = 0; i < 100; ++i) decode();
    EXPECT_EQ(test::allocations(), before) << c.payload;
  }
}

}  // namespace
}  // namespace edgetide
