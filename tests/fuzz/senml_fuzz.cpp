#include "daemon/decoders/senml_decoder.h"
#include "tests/fuzz/decoded_promises.h"

namespace edgetide {
namespace {

std::vector<MappingOptions> mappings() {
  std::vector<MappingOptions> all(3);
  for (MappingOptions& mapping : all) mapping.format = &senml_format;
  all[1].sensor = "{device}{bn}";
  all[1].metric = "{n}{name}";
  all[1].states = {{"heating", 2}};
  all[2].sensor = "{metric}";
  all[2].coerce_strings = false;
  return all;
}

}  // namespace
}  // namespace edgetide

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return edgetide::decode_input<edgetide::mappings>(data, size);
}
