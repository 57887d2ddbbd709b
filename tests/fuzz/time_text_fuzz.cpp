// Times and durations as text: what is read is written and read again without change.
#include <optional>
#include <string>

#include "daemon/decoders/time_field.h"
#include "pipeline/time_text.h"
#include "tests/fuzz/fuzz_target.h"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace edgetide;
  const std::string_view text = text_of(data, size);
  if (const auto time = parse_rfc3339(text)) {
    const std::string written = to_rfc3339(*time);
    // Offsets can lead out of the years 0000 to 9999, which print as microseconds.
    if (written.back() == 'Z') require(parse_rfc3339(written) == time, "a time reads back");
  }
  if (const auto duration = parse_duration(text)) {
    const auto again = parse_duration(to_text(*duration));
    require(again || *duration == Duration::unlimited(), "a duration reads back");
  }
  for (const auto format : {TimeFormat::automatic, TimeFormat::rfc3339, TimeFormat::unix_s, TimeFormat::unix_ms,
                            TimeFormat::unix_us, TimeFormat::unix_ns}) {
    time_of_text(text, format);
  }
  return 0;
}
