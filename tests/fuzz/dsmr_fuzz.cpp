#include "daemon/decoders/dsmr_decoder.h"
#include "tests/fuzz/decoded_promises.h"

namespace edgetide {
namespace {

std::vector<MappingOptions> mappings() {
  std::vector<MappingOptions> all(2);
  for (MappingOptions& mapping : all) mapping.format = &dsmr_format;
  all[1].sensor = "{header}/{id}";
  all[1].metric = "{code}";
  return all;
}

}  // namespace
}  // namespace edgetide

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return edgetide::decode_input<edgetide::mappings>(data, size);
}
