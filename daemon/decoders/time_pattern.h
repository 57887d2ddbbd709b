// Event times written as a pattern of strptime says: "%d/%b/%Y:%H:%M:%S %z" for "10/Oct/2000:13:55:36 -0700".
//
// Date.    %Y, %y (69 to 99 are of the 20th century), %m, %d or %e, %b, %B or %h; %a and %A are read and not compared;
//          %F is %Y-%m-%d, %D is %m/%d/%y.
// Time.    %H, %I with %p, %M, %S; %f is a fraction of a second; %T is %H:%M:%S, %R is %H:%M.
// Zone.    %z is "Z", "-0700", "-07:00" or "-07"; %Z is "UTC", "GMT" or "Z", since other names are ambiguous. A pattern
//          without them reads local time.
// Other.   %s is seconds since 1970. A blank, %n and %t are any number of blanks; %% is a percent sign; all else is
//          itself.
// Names are English in any case; numbers may lack leading zeros.
//
// See: POSIX.1-2017, strptime; %f is that of Python.
// Limit:  128 bytes.
// Thread: immutable after construction.
// Fails:  construction throws std::invalid_argument with a reason; `read` gives nothing for other text.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

#include "pipeline/time_text.h"

namespace edgetide {

class TimePattern {
 public:
  static constexpr std::size_t max_bytes = 128;
  explicit TimePattern(std::string_view pattern);

  // All of the text, without the blanks around it.
  std::optional<IsoTime> read(std::string_view text) const noexcept;

 private:
  // A directive, or ' ' for blanks, or 0 for the character itself.
  struct Part {
    char directive;
    char character;
  };
  void add(std::string_view pattern);
  void add_directive(char directive);
  bool has(std::string_view any_of) const noexcept;

  std::vector<Part> parts_;
};

}  // namespace edgetide
