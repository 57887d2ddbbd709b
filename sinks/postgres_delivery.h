// One batch on its way into one transaction: series to ids, rows to deletes and upserts, and the bad rows apart from
// the rest.
//
// Thread: the worker's thread of the sink. Owns: nothing; all it is given outlives it.
// Fails:  throws what libpqxx throws, and WrongAnswer (postgres_answer.h). With care, a row or series that the server
//         refuses for its content throws nothing and is rejected, at the price of some statements.
// Content: what is refused with a code for that; with care for every refusal, also what is refused with any other code
//         while other rows of the same table are accepted, or on purpose by a trigger. Codes that tell of the server's
//         condition count only where a trigger has chosen them.
// Skipped: what a trigger drops without an error is noticed by the number of rows that a statement changed, looked up,
//         and rejected too (row_guard.h).
#pragma once

#include <cstdint>
#include <exception>
#include <memory>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "sinks/postgres_schema.h"
#include "sinks/refused_tables.h"
#include "sinks/sink.h"

namespace pqxx {
class failure;
class transaction_base;
}  // namespace pqxx

namespace edgetide {

class PostgresAnswer;

// What a sink is called and what it writes.
struct PostgresNames {
  std::string schema;
  SinkIdentity identity;
  std::vector<WindowSchema> inputs;
};

// The statements of one sink.
struct PostgresStatements {
  std::string state;
  std::string epoch;
  std::string find_series;
  std::string add_series;
  // By input:
  std::vector<std::string> insert, skipped_rows, retract, retractable, stored_rows, change;
};
// `former`: by input, columns of former definitions.
PostgresStatements postgres_statements(const PostgresNames& names, const std::vector<ColumnNames>& former);

// Ids of committed series.
using PostgresSeriesIds = std::unordered_map<std::shared_ptr<const Series>, PostgresSeriesId>;

enum class PostgresCare {
  none,           // a row that the store refuses fails the whole transaction
  row_by_row,     // halves what fails for content until the bad rows stand alone
  every_refusal,  // the same for every code
  every_raise,    // the same, also where a trigger refuses all rows
};

// One batch on its way into one transaction.
class PostgresDelivery {
 public:
  PostgresDelivery(pqxx::transaction_base& transaction, const PostgresNames& names,
                   const PostgresStatements& statements, std::uint64_t state_id, PostgresSeriesIds& ids,
                   RefusedTables& refused, PostgresCare care)
      : transaction_(transaction),
        names_(names),
        statements_(statements),
        state_id_(state_id),
        ids_(ids),
        refused_(refused),
        care_(care),
        accepted_(names.inputs.size()) {}

  // With care: throws what was refused first if it is not the content of the rows, and TableRefusesAll.
  void store(const RowBatch& batch);
  std::vector<RejectedRow> take_rejected() { return std::move(rejected_); }

 private:
  void resolve(const RowBatch& batch);
  // Neither with an id nor refused, of the rows that are `wanted(row)`; each once.
  template <typename Wanted>
  std::vector<std::shared_ptr<const Series>> unknown_series(const RowBatch& batch, const Wanted& wanted) const;
  void find(std::span<const std::shared_ptr<const Series>> wanted);
  void note_ids(const PostgresAnswer& found, std::span<const std::shared_ptr<const Series>> wanted);
  std::size_t add(std::span<const std::shared_ptr<const Series>> unknown);
  void store(const WindowRows& window, std::uint64_t epoch);
  static std::size_t end_of_part(const WindowRows& window, const std::vector<std::size_t>& rows, std::size_t first);
  template <typename Statement>
  void in_parts(const WindowRows& window, const std::vector<std::size_t>& rows, const Statement& statement);
  std::vector<PostgresSeriesId> ids_of(const WindowRows& window, std::span<const std::size_t> rows) const;
  // Of these rows, the store has skipped so many without an error; they are rejected.
  std::size_t retract(const WindowRows& window, std::span<const std::size_t> rows);
  std::size_t insert(const WindowRows& window, std::span<const std::size_t> rows, std::uint64_t epoch);
  std::size_t add(const WindowRows& window, std::span<const std::size_t> rows, std::uint64_t epoch);
  std::size_t change(const WindowRows& changed, std::span<const PostgresSeriesId> ids, std::uint64_t epoch);
  WindowRows added_together(const WindowRows& window, std::span<const std::size_t> rows) const;
  std::vector<bool> read_stored(WindowRows& rows, std::span<const PostgresSeriesId> ids);
  // What the server says about a row or series that it refuses.
  struct Refusal {
    std::string reason;
    bool by_content = false;  // the code says so
    bool raised = false;
    std::exception_ptr error;
  };
  bool may_be_content(const pqxx::failure& error) const;
  void reject(const WindowRows& window, std::size_t row, const Refusal& refusal);
  std::size_t reject_skipped(const WindowRows& window, std::span<const std::size_t> rows,
                             const PostgresAnswer& positions, const char* reason);
  void judge() const;

  // Runs `statement(first, last)`; with care, in halves where it fails. `refused(i, refusal)` gets the single ones.
  template <typename Statement, typename Refused>
  void apply(std::size_t first, std::size_t last, const Statement& statement, const Refused& refused);

  pqxx::transaction_base& transaction_;
  const PostgresNames& names_;
  const PostgresStatements& statements_;
  const std::uint64_t state_id_;  // that rows are marked with
  PostgresSeriesIds& ids_;
  RefusedTables& refused_;
  const PostgresCare care_;
  std::unordered_map<std::shared_ptr<const Series>, Refusal> refused_series_;
  std::vector<RejectedRow> rejected_;
  std::vector<std::pair<std::size_t, Refusal>> suspects_;  // input, and what is not content by its code
  std::vector<bool> accepted_;                             // by input: some row was
};

}  // namespace edgetide
