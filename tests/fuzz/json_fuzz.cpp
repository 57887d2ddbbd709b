#include "tests/fuzz/decoded_promises.h"

namespace edgetide {
namespace {

std::vector<MappingOptions> mappings() {
  std::vector<MappingOptions> all(4);
  all[1].time.path = "ts";
  all[1].sensor_path = "id";
  all[1].metric_path = "n";
  all[1].labels = {{"model", "hw.model"}, {"slot", "slot[0]"}};
  all[2] = all[1];
  all[2].metric_path.clear();
  all[2].each = {"r[*]"};
  all[2].values = {{.path = "v", .unit = "A", .scale = 2}, {.path = "*.t"}, {.path = "\"x.y\"[*].z"}};
  all[3].each = {"*"};
  all[3].time.path = "ts";
  all[3].states = {{"heating", 2}};
  all[3].values = {{.path = "[*]"}, {.path = "*[0]"}};
  all[3].coerce_strings = false;
  return all;
}

}  // namespace
}  // namespace edgetide

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return edgetide::decode_input_as_new<edgetide::mappings>(data, size);
}
