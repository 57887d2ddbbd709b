// The time of the sentences of NMEA 0183. Only RMC and ZDA carry a date; what follows them in a stream has their time,
// until another one comes.
//
// GGA has a time of day: that of the nearest date, so that midnight may lie between it and the date. Sentences without
// a time have the last one, as they are sent in bursts of a second; after max_carried of them it is taken to be out of
// date, and they have their arrival time until a time comes again. So have those before the first date.
//
// Limit:  64 streams (peers or topics); the one that was silent for longest makes room for a new one.
// Thread: one at a time. Fails: never. Owns: the names of the streams.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/time.h"

namespace edgetide {

class NmeaClock {
 public:
  static constexpr unsigned max_carried = 64;

  void set(Timestamp time) noexcept {
    now_ = time;
    carried_ = 0;
  }
  // The first date at which it is this time of day, near the last time; nothing before the first date.
  void set_time_of_day(Duration since_midnight) noexcept;
  void begin_sentence() noexcept {
    if (now_ && ++carried_ > max_carried) now_.reset();
  }
  std::optional<Timestamp> now() const noexcept { return now_; }

 private:
  std::optional<Timestamp> now_;
  unsigned carried_ = 0;  // sentences since it was set
};

class NmeaClocks {
 public:
  static constexpr std::size_t max_streams = 64;
  NmeaClock& of(std::string_view stream);

 private:
  struct Stream {
    std::string name;
    std::uint64_t used = 0;
    NmeaClock clock = {};
  };
  std::vector<Stream> streams_;
  std::uint64_t uses_ = 0;
};

// "123519.5"; nothing for what is not one.
std::optional<Duration> nmea_time_of_day(std::string_view text) noexcept;
// Of "230394", by RMC; 80 to 99 are of the 20th century. The midnight at which it begins.
std::optional<Timestamp> nmea_date(std::string_view text) noexcept;
// Of "04", "07", "2002", by ZDA.
std::optional<Timestamp> nmea_date(std::string_view day, std::string_view month, std::string_view year) noexcept;

}  // namespace edgetide
