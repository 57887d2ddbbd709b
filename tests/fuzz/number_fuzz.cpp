#include <optional>
#include <string>

#include "daemon/decoders/number_decoder.h"
#include "daemon/decoders/number_text.h"
#include "tests/fuzz/decoded_promises.h"

namespace edgetide {
namespace {

std::vector<MappingOptions> mappings() {
  std::vector<MappingOptions> all(2);
  for (MappingOptions& mapping : all) mapping.format = &number_format;
  all[0].unit = std::string("W");
  all[1].coerce_strings = false;
  all[1].states = {{"heating", 2}};
  return all;
}

void check_exact_within_tolerant(std::string_view text) {
  const std::optional<double> exact = exact_number(text);
  require(!exact || number_of_text(text)->number == *exact, "an exact number is a number");
  const std::optional<std::int64_t> integer = exact_integer(text);
  require(!integer || exact == static_cast<double>(*integer), "an integer is an exact number");
}

}  // namespace
}  // namespace edgetide

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static edgetide::RoutesUnderTest routes(edgetide::mappings());
  routes.decode(edgetide::text_of(data, size));
  edgetide::check_exact_within_tolerant(edgetide::text_of(data, size));
  return 0;
}
