// The table of window kinds: `Windows` holds the windows of one definition, of whichever kind it is. This list is the
// only place that names the classes. They are alternatives of a variant and have no common base, because a virtual call
// for each reading would keep `admit` from being inlined into its loop, where its fast path is.
//
// A kind has `traits` (window_kind.h), a constructor from options, layout and hash seed, and the members that
// TumblingWindows and RunningWindows share. It may have these besides; where it has not, nothing is done. Most of them
// follow from its traits, and window_kinds.cpp does not compile without these.
//   settle(key, last_reading)               windows whose last reading was then or earlier are final
//   is_late(key, event_time, reached)       instead of last_end(event_time) + allowed_lateness <= reached
//   would_join(key, event_time, reached, end)   a window that is there takes the reading, and starts before `end`
//   begin(since)                            windows that are opened from now on count since then
//   has_changes()                           some row was not emitted yet; a definition without any is finished
//   has_more()                              `collect` itself leaves out what is more than the rows of a firing
//   for_each_final(key, event_time, reached, visit)   final windows that are kept, and share a cell with the reading
//   view_before(key, time, visit)           the newest window, or part of one, that starts before a time
//   has_window(key, start, is_final)        for rows of empty windows
//   filled(row, aggregate)                  and their values
//   windows_with_rows()                     instead of open_windows(), where some of these share their readings
//   windows_of_reading()                    so many share a reading, instead of one
//   owes_row(key, event_time), window_end(start)      for late readings that are added
//
// Thread: one owner at a time. Fails: never.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <variant>

#include "pipeline/running_windows.h"
#include "pipeline/session_windows.h"
#include "pipeline/sliding_windows.h"
#include "pipeline/tumbling_windows.h"
#include "pipeline/window_kind.h"

namespace edgetide {

// In the order of WindowKind.
using Windows = std::variant<TumblingWindows, SlidingWindows, SessionWindows, RunningWindows>;

template <std::size_t place>
using WindowsAt = std::variant_alternative_t<place, Windows>;

// Of the kind that the options name. `layout` outlives them.
template <std::size_t place = 0>
Windows make_windows(const WindowOptions& options, const AggregateLayout& layout, std::uint64_t hash_seed) {
  if constexpr (place + 1 < std::variant_size_v<Windows>) {
    if (options.kind != WindowsAt<place>::traits.kind) return make_windows<place + 1>(options, layout, hash_seed);
  }
  return Windows(std::in_place_index<place>, options, layout, hash_seed);
}

}  // namespace edgetide
