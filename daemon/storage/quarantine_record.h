// One reading of the quarantine, as the payload of a record. FORMAT.md has the bytes.
//
// Thread: pure. Fails: `decode` gives nothing for invalid bytes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "pipeline/pipeline.h"

namespace edgetide {

inline constexpr std::uint8_t quarantined_reading_type = 1;

struct QuarantinedReading {
  Quarantined::Reason reason{};
  Timestamp event_time;
  Timestamp arrival;
  double value = 0;
  std::string source;
  Series series;
};

// late_dropped, too_early, too_old.
std::string_view name_of(Quarantined::Reason reason) noexcept;

// Appends the payload. `series` is that of the reading.
void encode(const Quarantined& aside, std::string_view source, Timestamp arrival, const Series& series,
            std::string& out);
std::optional<QuarantinedReading> decode_quarantined_reading(std::string_view payload);

}  // namespace edgetide
