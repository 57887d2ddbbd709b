#include "daemon/decoders/cbor_decoder.h"
#include "tests/fuzz/decoded_promises.h"

namespace edgetide {
namespace {

std::vector<MappingOptions> mappings() {
  std::vector<MappingOptions> all(2);
  for (MappingOptions& mapping : all) mapping.format = &cbor_format;
  all[1].sensor_path = "id";
  all[1].time.path = "ts";
  all[1].each = {"r[*]", ""};
  all[1].values = {{.path = "v", .unit = "W", .scale = 2}, {.path = "\"-2\""}, {.path = "*.t"}};
  all[1].labels = {{"site", "site"}};
  return all;
}

}  // namespace
}  // namespace edgetide

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return edgetide::decode_input<edgetide::mappings>(data, size);
}
