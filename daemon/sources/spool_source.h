// Readings from files that are dropped into a folder: lines of any format, of the file that changed first in front.
//
// In:      what was read in a turn, 64 KiB at most, is a batch with the position behind its last line, so that
//          after a crash each line is taken once (spool_position.h).
// Done:    a file that has not changed for a second has its end. It is moved, deleted, or listed as done when its last
//          batch is durable. With `tail` a file has no end until it has got another name or was removed.
// Thread:  the loop's; `start` and `stop` from the gateway's main thread.
// Blocks:  the loop, for the disk: a read of 64 KiB, a look at the folder, and a sync for each 100 files or so.
// Back-pressure: while the host holds intake back, nothing is read.
// Fails:   `start` throws std::runtime_error when the folder cannot be read. If it is lost later, it is tried at each
//          look. A file that cannot be opened or moved makes the source impaired, and the others go on.
// Limit:   line 64 KiB, 100 files that are begun and not done, 10,000 files that are looked at in a folder.
#pragma once

#include <memory>

#include "daemon/service/event_loop.h"
#include "daemon/sources/source.h"
#include "daemon/sources/spool_options.h"

namespace edgetide {

// Host and loop outlive the source.
std::unique_ptr<Source> make_spool_source(SpoolOptions options, SourceId id, SourceHost& host, EventLoop& loop);

}  // namespace edgetide
