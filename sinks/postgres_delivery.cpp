#include "sinks/postgres_delivery.h"

#include <algorithm>
#include <limits>
#include <map>
#include <numeric>
#include <utility>

#include "sinks/pg_array.h"
#include "sinks/postgres_answer.h"
#include "sinks/postgres_schema.h"
#include "sinks/pqxx_versions.h"
#include "sinks/row_addition.h"
#include "sinks/row_guard.h"
#include "sinks/row_json.h"

namespace edgetide {

namespace {

constexpr std::size_t max_rows_per_statement = 5'000;  // bounds the memory of a statement, ours and the server's
constexpr std::size_t max_sketches_per_statement = 4 * 1024 * 1024;  // bytes of them, which are sent as twice as many

using SeriesPointer = std::shared_ptr<const Series>;

// The same to the store, whatever object stands for it.
bool are_one(const Series& a, const Series& b) {
  return a.sensor == b.sensor && a.metric == b.metric && a.grouped == b.grouped;
}

}  // namespace

PostgresStatements postgres_statements(const PostgresNames& names, const std::vector<ColumnNames>& former) {
  PostgresStatements statements{postgres_state_query(names.schema),
                                postgres_epoch_statement(names.schema),
                                postgres_find_series_query(names.schema),
                                postgres_add_series_statement(names.schema),
                                {},
                                {},
                                {},
                                {},
                                {},
                                {}};
  for (std::size_t input = 0; input < names.inputs.size(); ++input) {
    const WindowSchema& window = names.inputs[input];
    statements.retract.push_back(postgres_retract_statement(names.schema, window));
    statements.retractable.push_back(postgres_retractable_query(names.schema, window));
    statements.insert.push_back(postgres_insert_statement(names.schema, window, former[input]));
    statements.skipped_rows.push_back(postgres_skipped_rows_query(names.schema, window));
    statements.stored_rows.push_back(postgres_stored_rows_query(names.schema, window));
    statements.change.push_back(postgres_change_statement(names.schema, window, former[input]));
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
  refused_.begin();
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
  refused_.judge();
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
  std::size_t added = 0;
  const auto add_part = [&](std::size_t first, std::size_t last) {
    added += add(std::span(unknown).subspan(first, last - first));
  };
  const auto to_be_stored = [](const SinkRow& row) { return row.state != RowState::retracted; };
  apply(0, unknown.size(), find_part, refuse);
  unknown = unknown_series(batch, to_be_stored);
  const std::size_t wanted = unknown.size();
  apply(0, unknown.size(), add_part, refuse);
  unknown = unknown_series(batch, to_be_stored);
  apply(0, unknown.size(), find_part, refuse);
  unknown = unknown_series(batch, to_be_stored);
  if (unknown.empty()) return;
  if (added == wanted) throw WrongAnswer("series", unknown.front()->sensor + " is not there though it was added");
  for (const SeriesPointer& series : unknown) refused_series_[series] = {skipped_series, true, false, {}};
}

void PostgresDelivery::find(std::span<const SeriesPointer> wanted) {
  PgArray sensors;
  PgArray metrics;
  PgArray grouped;
  PgArray labels;
  for (const SeriesPointer& series : wanted) {
    sensors.add_text(series->sensor);
    metrics.add_text(series->metric);
    grouped.add_text(series->grouped ? "t" : "f");
    labels.add_text(json_of(series->labels));
  }
  const PostgresAnswer found(
      execute(transaction_, statements_.find_series,
              {names_.identity.gateway, sensors.take(), metrics.take(), grouped.take(), labels.take()}),
      "series", {.columns = 3, .most_rows = wanted.size()});
  note_ids(found, wanted);
}

// All of them or none: under a wrong id, rows of one series would replace those of another.
void PostgresDelivery::note_ids(const PostgresAnswer& found, std::span<const SeriesPointer> wanted) {
  std::vector<PostgresSeriesId> ids(wanted.size());  // 0: not found
  std::unordered_map<std::int64_t, const Series*> by_id;
  const auto take = [&](std::int64_t id, const Series& series) {
    if (!are_one(*by_id.emplace(id, &series).first->second, series)) {
      throw WrongAnswer("series", "two of them have the same id");
    }
  };
  for (std::size_t row = 0; row < found.rows(); ++row) {
    const auto position = static_cast<std::size_t>(found.number(row, 0, 1, static_cast<std::int64_t>(wanted.size())));
    PostgresSeriesId& series = ids[position - 1];
    if (series.id != 0) throw WrongAnswer("series", "one of them comes twice");
    series.id = found.number(row, 1, 1, std::numeric_limits<std::int64_t>::max());
    series.has_other_labels = found.number(row, 2, 0, 1) == 1;
    take(series.id, *wanted[position - 1]);
  }
  for (const auto& [series, known] : ids_) {
    if (by_id.contains(known.id)) take(known.id, *series);
  }
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (ids[i].id != 0) ids_[wanted[i]] = ids[i];
  }
}

// How many the server says that it has added.
std::size_t PostgresDelivery::add(std::span<const SeriesPointer> unknown) {
  PgArray sensors;
  PgArray metrics;
  PgArray units;
  PgArray labels;
  PgArray grouped;
  for (const SeriesPointer& series : unknown) {
    sensors.add_text(series->sensor);
    metrics.add_text(series->metric);
    units.add_text(series->unit);
    labels.add_text(json_of(series->labels));
    grouped.add_text(series->grouped ? "t" : "f");
  }
  return check_changed(
      execute(transaction_, statements_.add_series,
              {names_.identity.gateway, sensors.take(), metrics.take(), units.take(), labels.take(), grouped.take()}),
      "added series", 0, unknown.size());
}

// Rows that are no more go first, so that a condition of the user on sessions (that they do not overlap) holds; what is
// added to a row comes last.
void PostgresDelivery::store(const WindowRows& window, std::uint64_t epoch) {
  std::vector<std::size_t> rows;
  std::vector<std::size_t> retracted;
  std::vector<std::size_t> added;
  for (std::size_t row = 0; row < window.rows.size(); ++row) {
    const SeriesPointer& series = window.rows[row].series;
    if (window.rows[row].state == RowState::retracted) {
      if (ids_.contains(series)) retracted.push_back(row);
    } else if (const auto refused = refused_series_.find(series); refused != refused_series_.end()) {
      reject(window, row, refused->second);
    } else {
      (window.rows[row].state == RowState::added ? added : rows).push_back(row);
    }
  }
  in_parts(window, retracted, [&](std::span<const std::size_t> part) { return retract(window, part); });
  in_parts(window, rows, [&](std::span<const std::size_t> part) { return insert(window, part, epoch); });
  in_parts(window, added, [&](std::span<const std::size_t> part) { return add(window, part, epoch); });
}

// At least one row.
std::size_t PostgresDelivery::end_of_part(const WindowRows& window, const std::vector<std::size_t>& rows,
                                          std::size_t first) {
  std::size_t bytes = 0;
  const std::size_t most = std::min(first + max_rows_per_statement, rows.size());
  for (std::size_t i = first; i < most; ++i) {
    bytes += memory_of_sketch(window.rows[rows[i]]);
    if (bytes > max_sketches_per_statement && i > first) return i;
  }
  return most;
}

template <typename Statement>
void PostgresDelivery::in_parts(const WindowRows& window, const std::vector<std::size_t>& rows,
                                const Statement& statement) {
  for (std::size_t first = 0, end = 0; first < rows.size(); first = end) {
    end = end_of_part(window, rows, first);
    apply(
        first, end,
        [&](std::size_t from, std::size_t to) {
          if (statement(std::span(rows).subspan(from, to - from)) < to - from) accepted_[window.input] = true;
        },
        [&](std::size_t i, const Refusal& refusal) { reject(window, rows[i], refusal); });
  }
}

std::vector<PostgresSeriesId> PostgresDelivery::ids_of(const WindowRows& window,
                                                       std::span<const std::size_t> rows) const {
  std::vector<PostgresSeriesId> ids;
  ids.reserve(rows.size());
  for (const std::size_t row : rows) ids.push_back(ids_.at(window.rows[row].series));
  return ids;
}

std::size_t PostgresDelivery::retract(const WindowRows& window, std::span<const std::size_t> rows) {
  const auto parameters = postgres_retract_parameters(window, rows, ids_of(window, rows), state_id_);
  const std::size_t removed = check_changed(execute(transaction_, statements_.retract[window.input], parameters),
                                            "retracted rows", 0, rows.size());
  if (removed == rows.size()) return 0;
  const PostgresAnswer left(execute(transaction_, statements_.retractable[window.input], parameters), "retracted rows",
                            {.columns = 1, .most_rows = rows.size() - removed});
  return reject_skipped(window, rows, left, skipped_retraction);
}

std::size_t PostgresDelivery::insert(const WindowRows& window, std::span<const std::size_t> rows, std::uint64_t epoch) {
  const WindowSchema& schema = names_.inputs[window.input];
  const std::vector<PostgresSeriesId> ids = ids_of(window, rows);
  const std::size_t stored =
      check_changed(execute(transaction_, statements_.insert[window.input],
                            postgres_insert_parameters(schema, window, rows, ids, epoch, state_id_)),
                    "rows", 0, rows.size());
  std::size_t skipped = 0;
  if (stored < rows.size()) {
    const PostgresAnswer missing(execute(transaction_, statements_.skipped_rows[window.input],
                                         postgres_skipped_rows_parameters(schema, window, rows, ids, epoch, state_id_)),
                                 "skipped rows", {.columns = 1, .most_rows = rows.size() - stored});
    skipped = reject_skipped(window, rows, missing, skipped_row);
  }
  if (skipped < rows.size()) refused_.accept(window.input);
  return skipped;
}

std::size_t PostgresDelivery::reject_skipped(const WindowRows& window, std::span<const std::size_t> rows,
                                             const PostgresAnswer& positions, const char* reason) {
  std::vector<bool> is_skipped(rows.size());
  for (std::size_t row = 0; row < positions.rows(); ++row) {
    is_skipped[static_cast<std::size_t>(positions.number(row, 0, 1, static_cast<std::int64_t>(rows.size()))) - 1] =
        true;
  }
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (is_skipped[i]) reject(window, rows[i], {reason, true, false, {}});
  }
  return positions.rows();
}

// Several late rows may be for the same row, which is written once.
WindowRows PostgresDelivery::added_together(const WindowRows& window, std::span<const std::size_t> rows) const {
  const WindowSchema& schema = names_.inputs[window.input];
  const std::size_t columns = schema.columns.size();
  const RowAddition addition(schema);
  std::map<std::pair<std::int64_t, Timestamp>, std::size_t> places;
  WindowRows together{window.input, {}, {}};
  for (const std::size_t row : rows) {
    const SinkRow& late = window.rows[row];
    const auto values = window.values_of(row, columns);
    const auto [place, fresh] = places.try_emplace({ids_.at(late.series).id, late.start}, together.rows.size());
    if (fresh) {
      together.rows.push_back(late);
      together.rows.back().state = RowState::final;
      together.values.insert(together.values.end(), values.begin(), values.end());
    } else {
      addition.add(std::span(together.values).subspan(place->second * columns, columns), values);
    }
  }
  return together;
}

// To the rows that are there, or as rows.
std::size_t PostgresDelivery::add(const WindowRows& window, std::span<const std::size_t> rows, std::uint64_t epoch) {
  const WindowSchema& schema = names_.inputs[window.input];
  const std::size_t columns = schema.columns.size();
  const WindowRows late = added_together(window, rows);
  std::vector<std::size_t> all(late.rows.size());
  std::iota(all.begin(), all.end(), std::size_t{0});
  const std::vector<PostgresSeriesId> ids = ids_of(late, all);
  WindowRows stored = late;
  const std::vector<bool> is_stored = read_stored(stored, ids);
  WindowRows changed{window.input, {}, {}};
  std::vector<PostgresSeriesId> changed_ids;
  for (const std::size_t row : all) {
    if (!is_stored[row]) continue;
    const auto values = std::span(stored.values).subspan(row * columns, columns);
    RowAddition(schema).add(values, late.values_of(row, columns));
    changed.rows.push_back(late.rows[row]);
    changed.values.insert(changed.values.end(), values.begin(), values.end());
    changed_ids.push_back(ids[row]);
  }
  std::erase_if(all, [&](std::size_t row) { return is_stored[row]; });
  const std::size_t skipped = all.empty() ? 0 : insert(late, all, epoch);
  return changed.rows.empty() ? skipped : skipped + change(changed, changed_ids, epoch);
}

std::size_t PostgresDelivery::change(const WindowRows& changed, std::span<const PostgresSeriesId> ids,
                                     std::uint64_t epoch) {
  const std::size_t rows = changed.rows.size();
  const PostgresAnswer done(
      execute(transaction_, statements_.change[changed.input],
              postgres_change_parameters(names_.inputs[changed.input], changed, ids, epoch, state_id_)),
      "changed rows", {.columns = 1, .most_rows = rows});
  std::vector<bool> is_changed(rows);
  for (std::size_t row = 0; row < done.rows(); ++row) {
    is_changed[static_cast<std::size_t>(done.number(row, 0, 1, static_cast<std::int64_t>(rows))) - 1] = true;
  }
  for (std::size_t row = 0; row < rows; ++row) {
    if (!is_changed[row]) reject(changed, row, {skipped_row, true, false, {}});
  }
  if (done.rows() > 0) refused_.accept(changed.input);
  return rows - std::min(rows, done.rows());
}

// Puts the values of the rows that the table has in their place; which it has.
std::vector<bool> PostgresDelivery::read_stored(WindowRows& rows, std::span<const PostgresSeriesId> ids) {
  const std::size_t columns = names_.inputs[rows.input].columns.size();
  const PostgresAnswer found(
      execute(transaction_, statements_.stored_rows[rows.input], postgres_stored_rows_parameters(rows, ids)),
      "stored rows", {.columns = columns + 1, .most_rows = rows.rows.size()});
  std::vector<bool> is_stored(rows.rows.size());
  for (std::size_t row = 0; row < found.rows(); ++row) {
    const auto position = static_cast<std::size_t>(found.number(row, 0, 1, static_cast<std::int64_t>(ids.size()))) - 1;
    if (is_stored[position]) throw WrongAnswer("stored rows", "one of them comes twice");
    is_stored[position] = true;
    for (std::size_t c = 0; c < columns; ++c) rows.values[position * columns + c] = found.real(row, c + 1);
  }
  return is_stored;
}

void PostgresDelivery::reject(const WindowRows& window, std::size_t row, const Refusal& refusal) {
  if (!refusal.by_content) suspects_.emplace_back(window.input, refusal);
  const SinkRow& refused = window.rows[row];
  refused_.refuse(window.input, *refused.series, refusal.reason);
  rejected_.push_back({names_.inputs[window.input].name, refused.series->sensor, refused.series->metric, refused.start,
                       refusal.reason});
}

}  // namespace edgetide
