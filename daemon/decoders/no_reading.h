// Messages that gave no reading, by the route that took them and the reason.
//
// Owns:   nothing; the topic of a route lives as long as its router.
// Thread: plain values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string_view>

#include "pipeline/enum_word.h"
#include "pipeline/refusal.h"

namespace edgetide {

// Why a message gave no reading: what it was refused for first, by the number of that reason, or what follows these.
enum class NoReading : std::uint8_t {
  no_value = refusal_count,  // nothing in it is a value: words, null, an empty object, what only describes others
  ignored_topic,             // `ignore_topics` has it
  repeated,                  // `dedupe` has its key
  unchanged,                 // `repeats = "skip_unchanged"`, and all of its values are those before
};

// Of those that are no refusals.
inline constexpr EnumWord<NoReading> no_reading_words[] = {{NoReading::no_value, "no_value"},
                                                           {NoReading::ignored_topic, "ignored_topic"},
                                                           {NoReading::repeated, "repeated"},
                                                           {NoReading::unchanged, "unchanged"}};
inline constexpr std::size_t no_reading_count = refusal_count + std::size(no_reading_words);

constexpr NoReading no_reading_of(Refusal reason) noexcept {
  return static_cast<NoReading>(reason);
}

constexpr std::string_view name_of(NoReading reason) noexcept {
  return static_cast<std::size_t>(reason) < refusal_count ? name_of(static_cast<Refusal>(reason))
                                                          : word_of(no_reading_words, reason);
}

struct MessagesWithoutReading {
  std::string_view route;  // its topic as configured; empty: its source has none, or no route took the message
  NoReading reason;
  std::uint32_t messages = 0;
};

}  // namespace edgetide
