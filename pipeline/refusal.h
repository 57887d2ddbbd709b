// Why a reading, or a whole message, was refused before any window. Each reason is a counter and a word that users
// see in logs, summaries and metrics. Snapshots keep them by number: a new one comes last.
//
// Thread: plain values, any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string_view>

#include "pipeline/enum_word.h"

namespace edgetide {

enum class Refusal : std::uint8_t {
  // decided by the pipeline
  not_finite,    // NaN or infinite value
  too_early,     // event time > arrival + max_future
  too_old,       // event time < arrival - oldest
  series_limit,  // a new series beyond limits.max_series
  series_rate,   // new series of this source come faster than limits.new_series_per_minute
  memory_limit,  // it needs a new series, window or more while the state is larger than limits.memory
  // decided by routes and decoders, before the pipeline
  no_route,         // no route for this topic
  too_large,        // payload, line or datagram beyond its limit
  too_deep,         // JSON nested beyond the limit
  too_many_values,  // more values in one message than the limit
  bad_syntax,       // not JSON, not line protocol, not CSV
  bad_number,       // a value that should be a number is none
  bad_time,         // an event time that does not parse
  bad_id,           // sensor, metric or label missing, empty, too long or not printable UTF-8
  unauthorised,     // the peer's address is not allowed
  unknown_source,   // replay: a source that is not configured
  journal_full,     // the journal cannot be written, and when_full is drop_newest
  label_limit,      // a new series whose labels are longer than 4096 bytes in all
  bad_unit,         // a number whose unit is neither that of the route nor can be converted to it
  repeated_name,    // a second value of one series in one record
  unsupported,      // what its format has and is not a reading: a counter of statsd
  no_match,         // a line in which the pattern of its route finds nothing
  bad_checksum,     // a sentence or telegram whose checksum is not that of its bytes
  unknown_alias,    // a number of Sparkplug that stands for a metric whose birth was not seen, or whose type it says
};

inline constexpr EnumWord<Refusal> refusal_words[] = {
    {Refusal::not_finite, "not_finite"},     {Refusal::too_early, "too_early"},
    {Refusal::too_old, "too_old"},           {Refusal::series_limit, "series_limit"},
    {Refusal::series_rate, "series_rate"},   {Refusal::memory_limit, "memory_limit"},
    {Refusal::no_route, "no_route"},         {Refusal::too_large, "too_large"},
    {Refusal::too_deep, "too_deep"},         {Refusal::too_many_values, "too_many_values"},
    {Refusal::bad_syntax, "bad_syntax"},     {Refusal::bad_number, "bad_number"},
    {Refusal::bad_time, "bad_time"},         {Refusal::bad_id, "bad_id"},
    {Refusal::unauthorised, "unauthorised"}, {Refusal::unknown_source, "unknown_source"},
    {Refusal::journal_full, "journal_full"}, {Refusal::label_limit, "label_limit"},
    {Refusal::bad_unit, "bad_unit"},         {Refusal::repeated_name, "repeated_name"},
    {Refusal::unsupported, "unsupported"},   {Refusal::no_match, "no_match"},
    {Refusal::bad_checksum, "bad_checksum"}, {Refusal::unknown_alias, "unknown_alias"},
};
inline constexpr std::size_t refusal_count = std::size(refusal_words);

constexpr std::string_view name_of(Refusal reason) noexcept {
  return word_of(refusal_words, reason);
}

}  // namespace edgetide
