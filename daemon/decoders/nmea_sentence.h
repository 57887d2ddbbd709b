// One sentence of NMEA 0183: "$GPRMC,123519,A,...*6A".
//
// Checksum. Two hexadecimal digits behind '*', the XOR of the bytes between '$' and '*'. A sentence without one is
//           taken, as older talkers send it.
//
// Limit:  64 fields. Thread: pure.
// Fails:  a refusal: unsupported for what is not a sentence of a talker with fields ('!' of AIS, '$P' of one maker),
//         bad_checksum, bad_syntax, too_many_values.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string_view>

#include "pipeline/refusal.h"

namespace edgetide {

struct NmeaSentence {
  static constexpr std::size_t max_fields = 64;

  std::string_view address;  // "GPRMC"
  std::string_view talker;   // "GP"
  std::string_view name;     // "RMC"
  std::array<std::string_view, max_fields> fields;
  std::size_t count = 0;

  // Empty if it is not there.
  std::string_view field(std::size_t index) const noexcept {
    return index < count ? fields[index] : std::string_view();
  }
};

// Views of the line. Requires: a line without its end and the blanks around it.
std::optional<Refusal> read_sentence(std::string_view line, NmeaSentence& sentence) noexcept;

}  // namespace edgetide
