// Why a reading, or a whole message, was refused before any window. Each reason is a counter and a word that users
// see in logs, summaries and metrics. Snapshots keep them by number: a new one comes last.
//
// Thread: plain values, any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

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

inline constexpr std::size_t refusal_count = static_cast<std::size_t>(Refusal::unknown_alias) + 1;

inline constexpr std::array<std::string_view, refusal_count> refusal_names = {
    "not_finite", "too_early",     "too_old",      "series_limit",    "series_rate",  "memory_limit",
    "no_route",   "too_large",     "too_deep",     "too_many_values", "bad_syntax",   "bad_number",
    "bad_time",   "bad_id",        "unauthorised", "unknown_source",  "journal_full", "label_limit",
    "bad_unit",   "repeated_name", "unsupported",  "no_match",        "bad_checksum", "unknown_alias",
};

constexpr std::string_view name_of(Refusal reason) noexcept {
  return refusal_names[static_cast<std::size_t>(reason)];
}

}  // namespace edgetide
