#include "daemon/decoders/statsd_decoder.h"
#include "tests/fuzz/decoded_promises.h"
#include "tests/fuzz/dotted_mappings.h"

namespace edgetide {
namespace {

std::vector<MappingOptions> mappings() {
  return dotted_mappings(statsd_format);
}

}  // namespace
}  // namespace edgetide

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return edgetide::decode_input<edgetide::mappings>(data, size);
}
