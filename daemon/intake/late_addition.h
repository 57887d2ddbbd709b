// Readings of the quarantine that are given to the intake again, and what it did with them.
//
// Thread: plain values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>

#include "daemon/storage/quarantine_record.h"

namespace edgetide {

struct LateReading {
  std::uint64_t number = 0;  // of its record in the quarantine
  QuarantinedReading reading;
};

struct LateAddition {
  using Reasons = std::map<std::string, std::size_t>;  // how many readings
  struct OfWindow {
    std::size_t readings = 0;  // were added
    std::size_t rows = 0;      // to so many rows
    Reasons refused = {};      // stay in the quarantine
  };

  std::string error = {};  // the rest was not tried; empty: all were
  std::map<std::string, OfWindow> windows = {};
  Reasons refused = {};     // by all windows
  std::size_t settled = 0;  // are in all their windows, and leave the quarantine

  void add(const LateAddition& other) {
    error = other.error;
    settled += other.settled;
    for (const auto& [reason, readings] : other.refused) refused[reason] += readings;
    for (const auto& [name, more] : other.windows) {
      OfWindow& window = windows[name];
      window.readings += more.readings;
      window.rows += more.rows;
      for (const auto& [reason, readings] : more.refused) window.refused[reason] += readings;
    }
  }
};

}  // namespace edgetide
