// Rows into one SQLite file: the same tables as PostgreSQL, WAL mode, synchronous=FULL, one transaction per epoch. The
// embedded default; the only user of sqlite3.
//
// Contract, thread, failure: sinks/sink.h. Tables and views: sinks/sqlite_schema.h.
// Old rows are deleted each minute, at most some at a time, and their room in the file is used again. A row's age
// counts to the newest row or to now, what is earlier, so that a clock that is ahead deletes nothing.
// Fails: `RetryAfter` for everything; only a person can help where the file is damaged, is not a database or may not be
//        opened. A COMMIT that fails for any reason but a lock is `InDoubt`. A file that was removed, renamed or
//        replaced while it is open is noticed before and after each delivery; then the file at the path is opened, or
//        made, and gets the rows. So is one that was overwritten: its head is read each time, all of it when something
//        else has changed it; rows wait until it is repaired or moved away.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "sinks/retention.h"
#include "sinks/sink.h"

namespace edgetide {

struct SqliteOptions {
  std::string path;                                // absolute; config resolves it below the state directory
  Duration busy_timeout = Duration::seconds(5);    // how long to wait for others who write to the file
  std::uint64_t max_log_bytes = 64 * 1024 * 1024;  // of the write-ahead log; one delivery may pass it
  Retention retention = {};                        // each delivery deletes some of the rows that are older
  bool operator==(const SqliteOptions&) const = default;
};

constexpr SinkTraits sqlite_traits() {
  return {.kind = SinkKind::table, .delivery = DeliveryGuarantee::exactly_once};
}

std::unique_ptr<Sink> make_sqlite_sink(SqliteOptions options, SinkIdentity identity, std::vector<WindowSchema> inputs);

// What stands in the way of such a sink here and now, one line; empty: nothing. Changes nothing.
std::string fault_of_sqlite(const SqliteOptions& options);

// A copy of the file, of the same name, with all that was stored; nothing if there is no file. Why that cannot be, one
// line; empty: it is done. A sink that has it open goes on.
std::string copy_sqlite(const SqliteOptions& options, const std::string& folder);

// The DDL as `edgetide schema` prints it; every statement may be run again.
std::string sqlite_ddl(const std::vector<WindowSchema>& inputs);

}  // namespace edgetide
