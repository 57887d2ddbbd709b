// A telegram of a Dutch, Belgian, Luxembourgish or Swedish electricity meter on its P1 port: a header, a line for each
// object, and an end with a checksum.
//
//   /ISk5\2MT382-1000
//
//   1-0:1.8.1(000671.578*kWh)
//   0-1:24.2.1(101209112500W)(12785.123*m3)
//   !522B
//
// Checksum. CRC-16 (polynomial x16+x15+x2+1, reflected, from 0) of all bytes from '/' to '!', as 4 hexadecimal digits.
//           Lines end with CRLF in it, also where a gateway has changed that. Meters of DSMR 2 and 3 send none; those
//           later say their version (1-3:0.2.8, Belgium 0-0:96.1.4) and must.
//
// See: DSMR P1 companion standard 5.0.2, sections 5.2 and 6 (netbeheernederland.nl); IEC 62056-21 (the syntax),
//      62056-61 (OBIS codes)
// Limit:  32 values in a line; further ones are not looked at. Thread: pure.
// Fails:  a refusal: bad_syntax for what has no header or end, bad_checksum.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <variant>

#include "pipeline/refusal.h"

namespace edgetide {

struct DsmrTelegram {
  std::string_view header;   // without '/'
  std::string_view objects;  // the lines between header and end
};

// The telegram at the front, which is taken off the text, or what is there instead of one, up to the next header.
// Requires: the text is not empty.
std::variant<DsmrTelegram, Refusal> take_telegram(std::string_view& text) noexcept;

// "1-0:1.8.1(000671.578*kWh)"
struct DsmrObject {
  static constexpr std::size_t max_values = 32;

  std::string_view code;  // empty: the line goes on with values of the one before, as DSMR 2 and 3 write gas
  std::array<std::string_view, max_values> values;
  std::size_t count = 0;
};

// The object at the front, which is taken off the lines; false for a line that is none. Requires: they are not empty.
bool take_object(std::string_view& lines, DsmrObject& object) noexcept;

std::uint16_t dsmr_checksum(std::string_view bytes) noexcept;

}  // namespace edgetide
