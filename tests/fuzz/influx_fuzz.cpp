#include "daemon/decoders/influx_decoder.h"
#include "tests/fuzz/decoded_promises.h"

namespace edgetide {
namespace {

std::vector<MappingOptions> mappings() {
  std::vector<MappingOptions> all(3);
  for (MappingOptions& mapping : all) mapping.format = &influx_format;
  all[0].sensor = "{measurement}";
  all[1].time.format = TimeFormat::unix_ns;
  all[2].sensor = "{device}/{host}";
  all[2].metric = "{measurement}:{field}";
  return all;
}

}  // namespace
}  // namespace edgetide

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return edgetide::decode_input_as_new<edgetide::mappings>(data, size);
}
