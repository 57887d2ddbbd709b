// A store under test: makes sinks for it, and reads it with a separate client.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "sinks/sink.h"
#include "sinks/sink_traits.h"
#if EDGETIDE_POSTGRESQL
#include "sinks/postgres_sink.h"
#endif
#if EDGETIDE_SQLITE
#include "sinks/sqlite_sink.h"
#endif

namespace edgetide::test {

// One row of a window as the store has it.
struct StoredRow {
  std::string gateway;
  std::string sensor;
  std::string metric;
  std::string unit;
  std::string labels;  // JSON
  std::int64_t start_us = 0;
  std::int64_t end_us = 0;
  std::string state;
  bool is_final = false;
  std::int64_t revision = 0;
  std::uint64_t epoch = 0;
  std::vector<std::optional<double>> values;
};

class Store {
 public:
  virtual ~Store() = default;

  virtual std::unique_ptr<Sink> sink(const std::vector<WindowSchema>& inputs, const SinkIdentity& identity) = 0;
  virtual std::string ddl(const std::vector<WindowSchema>& inputs) const = 0;

  virtual void execute(const std::string& sql) = 0;
  // Every column as text, null as nothing.
  virtual std::vector<std::vector<std::optional<std::string>>> query(const std::string& sql) = 0;
  // Conditions of the user on what may be in the table, and on what may leave it.
  virtual void refuse_counts_above(int limit) = 0;
  virtual void refuse_deletes_of_counts_above(int limit) = 0;
  // Drops rows of the table minute_data or series without an error, before one of "INSERT", "UPDATE", "DELETE", where
  // `condition` on NEW or OLD holds.
  virtual void skip(const std::string& operation, const std::string& table, const std::string& condition) = 0;
  // All rows of a window, by (gateway, sensor, metric, start).
  virtual std::vector<StoredRow> rows(const WindowSchema& window) = 0;

  // As the schema is written in statements: "" or "edgetide.".
  virtual std::string prefix() const = 0;
};

std::unique_ptr<Store> make_postgres_store();
std::unique_ptr<Store> make_sqlite_store();

struct StoreKind {
  std::string name;
  SinkTraits traits;
  std::unique_ptr<Store> (*make)();
};

inline void PrintTo(const StoreKind& kind, std::ostream* out) {
  *out << kind.name;
}

// Those of this build.
inline std::vector<StoreKind> stores() {
  return {
#if EDGETIDE_POSTGRESQL
    {"postgresql", postgres_traits(), &make_postgres_store},
#endif
#if EDGETIDE_SQLITE
        {"sqlite", sqlite_traits(), &make_sqlite_store},
#endif
  };
}

}  // namespace edgetide::test
