// Keeps the partitions and the retention of a sink's tables up, in separate transactions beside the deliveries.
//
// Makes partitions ahead and drops old ones every ten minutes; where many old rows have to be deleted one by one, a
// part of them with each call. It waits for locks 2 s at most, and leaves the work to another gateway that is at it.
//
// Owns:   nothing. Thread: the worker's thread of the sink.
// Fails:  throws what libpqxx throws when the connection is lost. What the server refuses is the warning; rows are
//         stored all the same.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>

#include "sinks/postgres_delivery.h"
#include "sinks/postgres_partitions.h"
#include "sinks/pqxx_versions.h"

namespace edgetide {

class PostgresUpkeep {
 public:
  // Both outlive it.
  PostgresUpkeep(const PostgresPartitions& partitions, const PostgresNames& names) noexcept
      : partitions_(partitions), names_(names) {}

  // The next call works, whenever the last one was.
  void begin_again() noexcept { next_ = {}; }
  // `may_create`: partitions are this sink's to make and to drop. `user` stands in warnings.
  void run(pqxx::connection& connection, bool may_create, const std::string& user);
  // Of the last call that worked; empty: there is nothing that somebody should know.
  const std::string& warning() const noexcept { return warning_; }

 private:
  // What the server has of a table.
  struct Table {
    bool is_partitioned = false;
    bool may_create = false;  // partitions, and drop them
    bool is_ahead = false;    // they are made for days
    Timestamp newest_end;     // of the partitions; 0: there is none
  };
  Table read_table(pqxx::work& transaction, const WindowSchema& window) const;
  void check(const Table& table, const WindowSchema& window, const std::string& who);
  void delete_old(pqxx::work& transaction, const Table& table, const WindowSchema& window);
  void keep_up(pqxx::connection& connection, const WindowSchema& window, bool may_create, const std::string& user);
  void warn(const std::string& text);

  const PostgresPartitions& partitions_;
  const PostgresNames& names_;
  std::chrono::steady_clock::time_point next_;
  bool has_more_ = false;  // old rows
  std::string warning_;
};

}  // namespace edgetide
