// The journal of a daemon that is dead, as a test that damages it sees it: its records and where they are, what they
// hold, and what is lost if some of them are.
//
// Thread: one. Requires: a journal that is whole but for its torn tail.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "tests/fakes/memory_file_system.h"
#include "tests/simulation/sent_readings.h"

namespace edgetide::test {

struct DamagedJournal {
  struct Entry {
    std::uint64_t number = 0;
    std::uint8_t type = 0;
    std::size_t offset = 0;                  // of its head
    std::size_t bytes = 0;                   // with it
    bool is_anchor = false;                  // it says when it was,
    bool places_others = false;              // and when the record before it was
    std::string new_sensor = {};             // that it defines
    std::vector<SentReading> readings = {};  // that it holds
  };
  struct File {
    std::string path;
    std::vector<Entry> entries;
  };
  std::vector<File> files;  // oldest first
  std::uint64_t from = 0;   // the first record that the newest checkpoint does not contain

  // `sensors`: by series id.
  DamagedJournal(MemoryFileSystem& system, const std::map<std::uint32_t, std::string>& sensors);

  // The readings that cannot be recovered without the records [first, last]: those that they hold; those of sensors
  // that they define; and those behind them that no anchor of the same run places in time (FORMAT.md).
  std::vector<SentReading> lost_without(std::uint64_t first, std::uint64_t last) const;
  // Records that a recovery needs, among these.
  std::uint64_t needed(std::uint64_t first, std::uint64_t last) const;
};

}  // namespace edgetide::test
