// `[journal]` and `[checkpoint]`: how much is lost when, and how much disk it may take. Thread: plain values.
#pragma once

#include <cstddef>

#include "pipeline/enum_word.h"
#include "pipeline/time.h"

namespace edgetide {

enum class Durability {
  none,   // no journal: a crash loses what came since the last checkpoint
  crash,  // written before it is acknowledged, synced each sync_interval: a power cut loses that much at most
  power,  // synced before it is acknowledged
};

inline constexpr EnumWord<Durability> durability_words[] = {
    {Durability::none, "none"}, {Durability::crash, "crash"}, {Durability::power, "power"}};

enum class JournalFull { block, drop_newest };
inline constexpr EnumWord<JournalFull> journal_full_words[] = {{JournalFull::block, "block"},
                                                               {JournalFull::drop_newest, "drop_newest"}};

struct JournalOptions {
  Durability durability = Durability::crash;
  Duration sync_interval = Duration::milliseconds(500);
  std::size_t max_bytes = 256 * 1024 * 1024;
  JournalFull when_full = JournalFull::block;
  bool operator==(const JournalOptions&) const = default;
};

struct CheckpointOptions {
  Duration interval = Duration::minutes(2);
  std::size_t keep = 2;
  bool operator==(const CheckpointOptions&) const = default;
};

}  // namespace edgetide
