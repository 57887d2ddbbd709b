#include <gtest/gtest.h>
#include <string>

#include "daemon/decoders/csv_decoder.h"
#include "daemon/decoders/influx_decoder.h"
#include "daemon/decoders/number_decoder.h"
#include "tests/daemon/decoders/decoded_text.h"
#include "tests/fakes/counting_allocator.h"

namespace edgetide {
namespace {

RouteOptions route_of(const Format* format) {
  RouteOptions route{"s/{device}", {}};
  route.mapping.format = format;
  if (format == &json_format) {
    route.mapping.time.path = "ts";
    route.mapping.labels = {{"model", "model"}};
  }
  return route;
}

TEST(Decoders, decoding_allocates_nothing_once_buffers_have_grown) {
  const struct {
    const Format* format;
    const char* payload;
  } cases[] = {
      {&json_format, R"({"ts":1732100000123,"model":"some model","temperature":21.5,"a":{"b":[1,2,3]}})"},
      {&json_format, "not json"},
      {&number_format, "21,5 °C"},
      {&influx_format, "weather\\ x,site=lyon temp=21.4,hum=45i,bad=x 1465839830100400200\nbad\n"},
      {&csv_format, "t,\"h \"\"x\"\"\"\n1,2\n3\n"},
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
