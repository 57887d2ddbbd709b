// Times and durations as text: what is read is written and read again without change.
#include <optional>
#include <stdexcept>
#include <string>

#include "daemon/decoders/time_field.h"
#include "daemon/decoders/time_pattern.h"
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
  // The text as a time of some pattern, and as a pattern.
  static const TimePattern patterns[] = {TimePattern("%d/%b/%Y:%H:%M:%S %z"),
                                         TimePattern("%A %e %B %y %I:%M:%S.%f %p %Z"), TimePattern("%s.%f"),
                                         TimePattern("%F%n%T%%")};
  for (const TimePattern& pattern : patterns) pattern.read(text);
  try {
    TimePattern(text).read("29/Nov/2026:18:32:58 +0100");
  } catch (const std::invalid_argument&) {
  }
  return 0;
}
