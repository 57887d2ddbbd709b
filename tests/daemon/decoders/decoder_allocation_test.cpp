#include <gtest/gtest.h>
#include <string>

#if EDGETIDE_CBOR
#include "daemon/decoders/cbor_decoder.h"
#include "daemon/decoders/senml_decoder.h"
#endif
#include "daemon/decoders/csv_decoder.h"
#include "daemon/decoders/dsmr_decoder.h"
#include "daemon/decoders/influx_decoder.h"
#include "daemon/decoders/nmea0183_decoder.h"
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
    {&json_format, R"({"ts":"2026-11-21 01:30:00","a":NaN,"b":"1.2 kW","c":"ON","d":true,"d":1,"e":"tab	"})"},
    {&number_format, "heating"},
    {&number_format, "21,5 °C"},
    {&influx_format, "weather\\ x,site=lyon temp=21.4,hum=45i,bad=x 1465839830100400200\nbad\n"},
    {&nmea0183_format, "$GPRMC,123519,A,4807.038,N,01131.000,E,022.4,084.4,230394,003.1,W*6A\n$YXMTW,1,C\n$X\n"},
    {&dsmr_format, "/M\n\n0-0:96.1.1(4B38)\n1-0:1.7.0(01.193*kW)\n0-1:24.2.1(101209112500W)(1*m3)\n!\n"},
#if EDGETIDE_CBOR
    {&cbor_format, "\xa3\x62ts\x05\x61x\xf9\x3e\x01\x64name\x68\x61 sensor"},
    {&senml_format, R"([{"bn":"urn:dev:ow:10e2073a0108006:","bt":1.2e9,"n":"voltage","u":"V","v":120.1,"s":5},7])"},
    {&senml_format, "\x81\xa2\x00\x63\x61:y\x02\x01"},
#endif
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
