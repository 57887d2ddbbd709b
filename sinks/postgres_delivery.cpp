#include "sinks/postgres_delivery.h"

#include <algorithm>
#include <limits>

#include "sinks/pg_array.h"
#include "sinks/postgres_answer.h"
#include "sinks/postgres_schema.h"
#include "sinks/pqxx_versions.h"
#include "sinks/row_json.h"

namespace edgetide {

namespace {

constexpr std::size_t max_rows_per_statement = 5'000;  // bounds the memory of a statement, ours and the server's

using SeriesPointer = std::shared_ptr<const Series>;

// The same to the store, whatever object stands for it.
bool are_one(const Series& a, const Series& b) {
  return a.sensor == b.sensor && a.metric == b.metric && a.grouped == b.grouped;
}

}  // namespace

PostgresStatements postgres_statements(const PostgresNames& names) {
  PostgresStatements statements{postgres_state_query(names.schema),
                                postgres_epoch_statement(names.schema),
                                postgres_find_series_query(names.schema),
                                postgres_add_series_statement(names.schema),
                                {},
                                {}};
  for (const WindowSchema& window : names.inputs) {
    statements.retract.push_back(postgres_retract_statement(names.schema, window));
    statements.insert.push_back(postgres_insert_statement(names.schema, window));
  }
  return statements;
}

template <typename Statement, typename Refused>
void PostgresDelivery::apply(std::size_t first, std::size_t last, const Statement& statement, const Refused& refused) {
  if (first == last) return;
  if (care_ == PostgresCare::none) return statement(first, last);
  transaction_.exec("SAVEPOINT part");
  try {
    statement(first, last);
    transaction_.exec("RELEASE SAVEPOINT part");
    return;
  } catch (const pqxx::failure& error) {
    if (!may_be_content(error)) throw;
    transaction_.exec("ROLLBACK TO SAVEPOINT part; RELEASE SAVEPOINT part");
    const bool by_content = classify(error) == SqlErrorClass::bad_row;
    if (last - first == 1)
      return refused(first, Refusal{reason_of(error), by_content, is_raised(error), std::current_exception()});
  }
  const std::size_t middle = first + (last - first) / 2;
  apply(first, middle, statement, refused);
  apply(middle, last, statement, refused);
}

bool PostgresDelivery::may_be_content(const pqxx::failure& error) const {
  const SqlErrorClass error_class = classify(error);
  if (error_class == SqlErrorClass::bad_row) return true;
  return care_ != PostgresCare::row_by_row && (error_class == SqlErrorClass::needs_person || is_raised(error));
}

void PostgresDelivery::store(const RowBatch& batch) {
  // What is deferred to the commit would be refused there, for the whole batch.
  if (care_ != PostgresCare::none) transaction_.exec("SET CONSTRAINTS ALL IMMEDIATE");
  resolve(batch);
  for (const WindowRows& window : batch.windows) store(window, batch.id.epoch);
  judge();
}

// A table that takes no row at all is not to lose them: somebody has to mend it.
void PostgresDelivery::judge() const {
  for (const auto& [input, refusal] : suspects_) {
    const bool purpose = refusal.raised && care_ == PostgresCare::every_raise;
    if (!accepted_[input] && !purpose) std::rethrow_exception(refusal.error);
  }
}

template <typename Wanted>
std::vector<SeriesPointer> PostgresDelivery::unknown_series(const RowBatch& batch, const Wanted& wanted) const {
  std::vector<SeriesPointer> unknown;
  for (const WindowRows& window : batch.windows) {
    for (const SinkRow& row : window.rows) {
      const bool known = ids_.contains(row.series) || refused_series_.contains(row.series);
      if (!known && wanted(row)) unknown.push_back(row.series);
    }
  }
  std::sort(unknown.begin(), unknown.end());
  unknown.erase(std::unique(unknown.begin(), unknown.end()), unknown.end());
  return unknown;
}

// Retracted rows add no series: of one that the store does not know there is nothing to delete.
void PostgresDelivery::resolve(const RowBatch& batch) {
  std::vector<SeriesPointer> unknown = unknown_series(batch, [](const SinkRow&) { return true; });
  const auto refuse = [&](std::size_t i, const Refusal& refusal) { refused_series_[unknown[i]] = refusal; };
  const auto find_part = [&](std::size_t first, std::size_t last) {
    find(std::span(unknown).subspan(first, last - first));
  };
  const auto add_part = [&](std::size_t first, std::size_t last) {
    add(std::span(unknown).subspan(first, last - first));
  };
  const auto to_be_stored = [](const SinkRow& row) { return row.state != RowState::retracted; };
  apply(0, unknown.size(), find_part, refuse);
  unknown = unknown_series(batch, to_be_stored);
  apply(0, unknown.size(), add_part, refuse);
  unknown = unknown_series(batch, to_be_stored);
  apply(0, unknown.size(), find_part, refuse);
  unknown = unknown_series(batch, to_be_stored);
  if (!unknown.empty()) throw WrongAnswer("series", unknown.front()->sensor + " is not there though it was added");
}

void PostgresDelivery::find(std::span<const SeriesPointer> wanted) {
  PgArray sensors;
  PgArray metrics;
  PgArray grouped;
  for (const SeriesPointer& series : wanted) {
    sensors.add_text(series->sensor);
    metrics.add_text(series->metric);
    grouped.add_text(series->grouped ? "t" : "f");
  }
  const PostgresAnswer found(execute(transaction_, statements_.find_series,
                                     {names_.identity.gateway, sensors.take(), metrics.take(), grouped.take()}),
                             "series", {.columns = 2, .most_rows = wanted.size()});
  note_ids(found, wanted);
}

// All of them or none: under a wrong id, rows of one series would replace those of another.
void PostgresDelivery::note_ids(const PostgresAnswer& found, std::span<const SeriesPointer> wanted) {
  std::vector<std::int64_t> ids(wanted.size());  // 0: not found
  std::unordered_map<std::int64_t, const Series*> by_id;
  const auto take = [&](std::int64_t id, const Series& series) {
    if (!are_one(*by_id.emplace(id, &series).first->second, series)) {
      throw WrongAnswer("series", "two of them have the same id");
    }
  };
  for (std::size_t row = 0; row < found.rows(); ++row) {
    const auto position = static_cast<std::size_t>(found.number(row, 0, 1, static_cast<std::int64_t>(wanted.size())));
    std::int64_t& id = ids[position - 1];
    if (id != 0) throw WrongAnswer("series", "one of them comes twice");
    id = found.number(row, 1, 1, std::numeric_limits<std::int64_t>::max());
    take(id, *wanted[position - 1]);
  }
  for (const auto& [series, id] : ids_) {
    if (by_id.contains(id)) take(id, *series);
  }
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (ids[i] != 0) ids_[wanted[i]] = ids[i];
  }
}

void PostgresDelivery::add(std::span<const SeriesPointer> unknown) {
  PgArray sensors;
  PgArray metrics;
  PgArray units;
  PgArray labels;
  PgArray grouped;
  for (const SeriesPointer& series : unknown) {
    sensors.add_text(series->sensor);
    metrics.add_text(series->metric);
    units.add_text(series->unit);
    std::string json;
    append_json_labels(json, series->labels);
    labels.add_text(json);
    grouped.add_text(series->grouped ? "t" : "f");
  }
  execute(transaction_, statements_.add_series,
          {names_.identity.gateway, sensors.take(), metrics.take(), units.take(), labels.take(), grouped.take()});
}

// Rows that are no more go first, so that a condition of the user on sessions (that they do not overlap) holds.
void PostgresDelivery::store(const WindowRows& window, std::uint64_t epoch) {
  std::vector<std::size_t> rows;
  std::vector<std::size_t> retracted;
  for (std::size_t row = 0; row < window.rows.size(); ++row) {
    const SeriesPointer& series = window.rows[row].series;
    if (window.rows[row].state == RowState::retracted) {
      if (ids_.contains(series)) retracted.push_back(row);
    } else if (const auto refused = refused_series_.find(series); refused != refused_series_.end()) {
      reject(window, row, refused->second);
    } else {
      rows.push_back(row);
    }
  }
  in_parts(window, retracted, [&](std::span<const std::size_t> part) { retract(window, part); });
  in_parts(window, rows, [&](std::span<const std::size_t> part) { insert(window, part, epoch); });
}

template <typename Statement>
void PostgresDelivery::in_parts(const WindowRows& window, const std::vector<std::size_t>& rows,
                                const Statement& statement) {
  for (std::size_t first = 0; first < rows.size(); first += max_rows_per_statement) {
    apply(
        first, std::min(first + max_rows_per_statement, rows.size()),
        [&](std::size_t from, std::size_t to) {
          statement(std::span(rows).subspan(from, to - from));
          accepted_[window.input] = true;
        },
        [&](std::size_t i, const Refusal& refusal) { reject(window, rows[i], refusal); });
  }
}

std::vector<std::int64_t> PostgresDelivery::ids_of(const WindowRows& window, std::span<const std::size_t> rows) const {
  std::vector<std::int64_t> ids;
  ids.reserve(rows.size());
  for (const std::size_t row : rows) ids.push_back(ids_.at(window.rows[row].series));
  return ids;
}

void PostgresDelivery::retract(const WindowRows& window, std::span<const std::size_t> rows) {
  check_changed(execute(transaction_, statements_.retract[window.input],
                        postgres_retract_parameters(window, rows, ids_of(window, rows), state_id_)),
                "retracted rows", 0, rows.size());
}

void PostgresDelivery::insert(const WindowRows& window, std::span<const std::size_t> rows, std::uint64_t epoch) {
  const std::vector<std::int64_t> ids = ids_of(window, rows);
  check_changed(execute(transaction_, statements_.insert[window.input],
                        postgres_insert_parameters(names_.inputs[window.input], window, rows, ids, epoch, state_id_)),
                "rows", 0, rows.size());
}

void PostgresDelivery::reject(const WindowRows& window, std::size_t row, const Refusal& refusal) {
  if (!refusal.by_content) suspects_.emplace_back(window.input, refusal);
  const SinkRow& refused = window.rows[row];
  rejected_.push_back({names_.inputs[window.input].name, refused.series->sensor, refused.series->metric, refused.start,
                       refusal.reason});
}

}  // namespace edgetide
