#include "daemon/decoders/csv_decoder.h"
#include "tests/fuzz/decoded_promises.h"

namespace edgetide {
namespace {

std::vector<MappingOptions> mappings() {
  std::vector<MappingOptions> all(3);
  for (MappingOptions& mapping : all) mapping.format = &csv_format;
  all[1].sensor_path = "id";
  all[1].time.path = "time";
  all[1].metric_path = "what";
  all[1].labels = {{"kind", "kind"}};
  all[2] = all[1];
  all[2].columns = {"id", "time", "what", "kind", "t", "p"};
  all[2].values = {{.path = "t", .unit = "C"}, {.path = "p", .metric = "pressure", .scale = 1e300}};
  all[2].delimiter = ';';
  return all;
}

}  // namespace
}  // namespace edgetide

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return edgetide::decode_input_as_new<edgetide::mappings>(data, size);
}
