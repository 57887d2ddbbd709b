// The first byte picks a pattern; the last of them is the first line of the input itself.
#include <memory>
#include <stdexcept>
#include <string>

#include "daemon/decoders/regex_decoder.h"
#include "tests/fuzz/decoded_promises.h"

namespace edgetide {
namespace {

MappingOptions with_pattern(std::string_view pattern, bool all) {
  auto own = std::make_shared<RegexOptions>();
  own->pattern = pattern;
  own->all = all;
  MappingOptions mapping;
  mapping.format = &regex_format;
  mapping.own = own;
  return mapping;
}

std::vector<MappingOptions> mappings() {
  std::vector<MappingOptions> all;
  all.push_back(with_pattern(
      R"(^(?P<host>\S+) \S+ \S+ \[(?P<time>[^\]]+)\] "\S+ (?P<url>[^" ]+)(?: [^"]*)?" (?P<status>\d{3}))", false));
  all[0].sensor = "{url}";
  all[0].metric = "{status}";
  all[0].labels = {{"host", "host"}};
  all[0].time.pattern = "%d/%b/%Y:%H:%M:%S %z";
  all.push_back(with_pattern(R"((?P<sensor>#?\pL+)(=(?P<value>\S*))?)", true));
  all.push_back(with_pattern(R"((?P<metric>[a-z]*)(?P<time>\d*)(?P<l>.?))", true));
  all[2].labels = {{"l", "l"}};
  return all;
}

// Any text may be given as a pattern, and either is refused or finds what it finds.
void take_pattern_of_input(std::string_view input) {
  const std::size_t end = std::min(input.find('\n'), input.size());
  try {
    Router router({{"s/{device}", with_pattern(input.substr(0, end), true)}});
    DecodedBatch batch;
    router.decode("s/device", input.substr(end), batch);
    check_promises(batch, input.size() - end);
  } catch (const std::invalid_argument& error) {
    require(*error.what() != 0, "an error has a reason");
  }
}

}  // namespace
}  // namespace edgetide

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input = edgetide::text_of(data, size);
  if (input.starts_with('/')) {
    edgetide::take_pattern_of_input(input.substr(1));
    return 0;
  }
  return edgetide::decode_input<edgetide::mappings>(data, size);
}
