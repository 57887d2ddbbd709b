// Decodes one message so often: decoder_instructions FORMAT MESSAGES. Counted by callgrind (instructions.sh).
#include <cstdlib>
#include <iostream>
#include <string_view>

#include "daemon/decoders/csv_decoder.h"
#include "daemon/decoders/influx_decoder.h"
#include "daemon/decoders/number_decoder.h"
#include "daemon/decoders/route.h"

namespace edgetide {
namespace {

struct Case {
  std::string_view name;
  const Format* format;
  std::string_view payload;
  bool listed = false;
};

constexpr std::string_view json_payload =
    R"({"time":"2026-11-21T01:30:00Z","battery":100,"humidity":45.07,"linkquality":224,"pressure":997.2,)"
    R"("model":"WSDCGQ11LM","temperature":21.58,"voltage":2995})";

// A string with an escape needs the parser each time; without one only the first message of a shape needs it.
constexpr std::string_view json_parsed_payload =
    R"({"time":"2026-11-21T01:30:00Z","battery":100,"humidity":45.07,"linkquality":224,"pressure":997.2,)"
    R"("model":"WSDCGQ11\u00e9","temperature":21.58,"voltage":2995})";

const Case cases[] = {
    {"json", &json_format, json_payload},
    {"json_listed", &json_format, json_payload, true},
    {"json_parsed", &json_format, json_parsed_payload},
    {"number", &number_format, "21.58"},
    {"influx", &influx_format, "weather,site=lyon temp=21.4,hum=45i,pressure=997.2 1465839830100400200\n"},
    {"csv", &csv_format, "time,t,h,p\n2026-11-21T01:30:00Z,21.58,45.07,997.2\n2026-11-21T01:30:10Z,21.6,45.1,997\n"},
};

MappingOptions mapping_of(const Case& wanted) {
  MappingOptions mapping;
  mapping.format = wanted.format;
  if (wanted.format == &json_format || wanted.format == &csv_format) mapping.time.path = "time";
  if (wanted.format == &influx_format) mapping.time.format = TimeFormat::unix_ns;
  if (!wanted.listed) return mapping;
  mapping.values = {{.path = "temperature", .unit = "°C"}, {.path = "humidity", .unit = "%"}, {.path = "battery"}};
  return mapping;
}

// The readings, so that none is optimised away.
std::size_t decode(const Case& wanted, int messages) {
  Router router({{"s/{device}", mapping_of(wanted)}});
  DecodedBatch batch;
  std::size_t readings = 0;
  for (int i = 0; i < messages; ++i) {
    batch.clear();
    router.decode("s/kitchen", wanted.payload, batch);
    readings += batch.readings.size();
  }
  return readings;
}

}  // namespace
}  // namespace edgetide

int main(int count, char** words) {
  for (const edgetide::Case& each : edgetide::cases) {
    if (count == 3 && each.name == words[1]) {
      std::cout << edgetide::decode(each, std::atoi(words[2])) << '\n';
      return 0;
    }
  }
  return 64;
}
