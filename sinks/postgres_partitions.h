// Partitions by time of the tables <window>_data, and the deletion of old rows, as statements.
//
//   <window>_data_pYYYYMMDD  the rows of some days (UTC), from that day on. Made from eight days ago (from as long ago
//                            as rows are kept, if that is shorter) to a week ahead, at least two of them
//   <window>_data_default    rows of any other time, so that none is refused. When its time gets a partition, they move
//
// A table that was made without partitions stays as it is. A partition is dropped when all of it is older than the
// window's rows are kept for; partitions with other names are the user's and stay. Old rows in the default partition,
// and in tables without partitions, are deleted some at a time. "Now" is the server's clock.
//
// Pure; any thread; never fails.
#pragma once

#include <cstdint>
#include <string>

#include "sinks/retention.h"
#include "sinks/row_batch.h"

namespace edgetide {

struct PostgresPartitions {
  std::int64_t days = 0;  // of one partition; 0: tables are made without partitions
  Retention retention;
  bool operator==(const PostgresPartitions&) const = default;
};

// Behind the columns of CREATE TABLE: "" or " PARTITION BY RANGE (time)".
std::string postgres_partition_clause(const PostgresPartitions& partitions);
// Each may run again, and changes nothing where the table has no partitions. Requires: the table is there.
std::string postgres_default_partition_ddl(const std::string& schema, const WindowSchema& window);
std::string postgres_make_partitions_ddl(const std::string& schema, const WindowSchema& window,
                                         const PostgresPartitions& partitions);
std::string postgres_drop_partitions_ddl(const std::string& schema, const WindowSchema& window, Duration kept);
// All of that for one window, as `edgetide schema` prints it, which needs no sink to be kept up.
std::string postgres_partitions_ddl(const std::string& schema, const WindowSchema& window,
                                    const PostgresPartitions& partitions);

// Parameters: schema, table. Result: whether it has partitions, whether this user may make and drop them, where the
// newest one ends in microseconds (0: there is none), and whether that is further ahead than three days; numbers.
std::string postgres_partitions_query();

// Parameter: how many rows. `from_default`: of the default partition alone. Changes at most so many.
std::string postgres_delete_old_statement(const std::string& schema, const WindowSchema& window, Duration kept,
                                          bool from_default);

}  // namespace edgetide
