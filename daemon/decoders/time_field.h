// Event times in payloads: numbers with a known or guessed unit, RFC 3339 text, or text of a given pattern. Text
// without a zone shows local time.
//
// Units:  results in UTC microseconds; finer digits are dropped (towards the past), as in time_text.h.
// Fails:  nothing for text that is not a time in this format, or does not fit in int64 microseconds.
// See: the thresholds of TimeFormat::automatic are those of InfluxDB 3.
// Thread: pure.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "daemon/decoders/decoder.h"
#include "daemon/decoders/time_pattern.h"
#include "pipeline/time.h"
#include "pipeline/time_zone.h"

namespace edgetide {

// Exact.
std::optional<Timestamp> time_of_integer(std::int64_t number, TimeFormat format) noexcept;

// A number with a fraction or an exponent, to the nearest microsecond.
std::optional<Timestamp> time_of_number(double number, TimeFormat format) noexcept;

// RFC 3339, or a quoted number.
std::optional<Timestamp> time_of_text(std::string_view text, TimeFormat format) noexcept;

// A local time in UTC. Where clocks are set back it comes twice: `utc` is the first, and the second follows that much
// later. Where clocks jump over it, the offset before the jump holds.
struct LocalTime {
  Timestamp utc;
  std::uint16_t repeats_after = 0;  // seconds; 0: it comes once
};
LocalTime local_time(Timestamp local, const TimeZone& zone) noexcept;

// The event times of one route. Thread: one at a time. Fails: construction, by std::invalid_argument ("time: ...").
class TimeReader {
 public:
  explicit TimeReader(const MappingOptions& options);

  TimeFormat format() const noexcept { return format_; }
  // A number of the payload is to be read as text too.
  bool has_pattern() const noexcept { return pattern_.has_value(); }

  // Sets the time of a reading: unreadable_time for text that is none. The first without a zone is a notice to the
  // batch, where the route names no zone either.
  void read(std::string_view text, const Message& message, DecodedReading& reading, DecodedBatch& out);
  // The same of a date and a time of day.
  void read_parts(std::string_view date, std::string_view time_of_day, const Message& message, DecodedReading& reading,
                  DecodedBatch& out);
  // The same for what a clock without a zone shows.
  void read_local(Timestamp local, const Message& message, DecodedReading& reading, DecodedBatch& out);

 private:
  std::optional<IsoTime> read_clock(std::string_view text) const noexcept;

  TimeFormat format_;
  std::optional<TimePattern> pattern_;
  std::shared_ptr<const TimeZone> zone_;  // none: UTC
  bool has_noticed_ = false;
  std::string scratch_;
};

}  // namespace edgetide
