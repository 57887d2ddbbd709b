// The options of a spool source. Thread: values.
#pragma once

#include <cstddef>
#include <string>

#include "daemon/decoders/route.h"
#include "pipeline/enum_word.h"
#include "pipeline/time.h"

namespace edgetide {

enum class WhenDone { move, remove, keep };
inline constexpr EnumWord<WhenDone> when_done_words[] = {
    {WhenDone::move, "move"}, {WhenDone::remove, "delete"}, {WhenDone::keep, "keep"}};

struct SpoolOptions {
  std::string folder;
  std::string match = "*";      // a glob of names
  std::size_t max_files = 100;  // that are begun and not done; each costs a position, and with `tail` a descriptor
  WhenDone when_done = WhenDone::move;
  std::string done_folder;  // for `move`
  std::string done_list;    // for `keep`: the file that says which are done (done_list.h)
  bool tail = false;        // files grow and are never done
  Duration look_interval = Duration::seconds(5);
  Duration settle_time = Duration::seconds(1);  // a file that has not changed for this long has its end
  std::size_t max_line_bytes = 64 * 1024;
  RouteOptions route;  // no topic
  bool operator==(const SpoolOptions&) const = default;
};

inline constexpr std::size_t max_spool_files = 200;

}  // namespace edgetide
