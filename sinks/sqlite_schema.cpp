#include "sinks/sqlite_schema.h"

#include <array>
#include <string_view>

#include "sinks/row_guard.h"
#include "sinks/schema_version.h"
#include "sinks/sql_text.h"

namespace edgetide {

namespace {

constexpr std::array<std::string_view, 10> sqlite_data_columns = {
    "time", "series_id", "time_end", "state", "is_final", "revision", "epoch", "state_id", "updated_at", "row_labels"};
constexpr std::array<std::string_view, 11> sqlite_view_columns = {"time",       "time_end", "sensor_id", "metric",
                                                                  "unit",       "is_final", "state",     "revision",
                                                                  "updated_at", "gateway",  "time_us"};

constexpr const char* retracted = " WHERE time = ? AND series_id = ? AND (state_id = ? OR revision < ?)";

std::string definition(const Column& column) {
  if (column.bytes) return quote_identifier(column.sql_name()) + " BLOB";
  return quote_identifier(column.sql_name()) + (column.integer ? " INTEGER" : " REAL");
}

// Whole seconds, rounded down before 1970 too.
std::string as_text(const std::string& microseconds) {
  return "strftime('%Y-%m-%d %H:%M:%S', (" + microseconds + " - ((" + microseconds +
         " % 1000000) + 1000000) % 1000000) / 1000000, 'unixepoch')";
}

// Of the text that the views show.
std::string time_index(const WindowSchema& window) {
  return window.name + "_data_time";
}

std::string table_ddl(const WindowSchema& window) {
  std::string ddl = "\nCREATE TABLE IF NOT EXISTS " + quote_identifier(window.name + "_data") + R"( (
  time        INTEGER NOT NULL,
  series_id   INTEGER NOT NULL REFERENCES series,
  time_end    INTEGER,
  state       TEXT NOT NULL,
  is_final    INTEGER NOT NULL,
  revision    INTEGER NOT NULL,
  epoch       INTEGER NOT NULL,
  state_id    INTEGER NOT NULL,
  updated_at  INTEGER NOT NULL,
  row_labels  TEXT,
)";
  for (const Column& column : window.columns) ddl += "  " + definition(column) + ",\n";
  return ddl + "  PRIMARY KEY (time, series_id)) WITHOUT ROWID;\n" + "CREATE INDEX IF NOT EXISTS " +
         quote_identifier(time_index(window)) + " ON " + quote_identifier(window.name + "_data") + " (" +
         as_text("time") + ");\n";
}

// The newest row of each series, kept by triggers, so that it also holds when others write: a search in the key (time,
// series_id) would go through all that came after the last row of a series that is silent. Below a row that was the
// newest one there are only older ones, and none where old rows are deleted.
std::string newest_ddl(const WindowSchema& window) {
  const std::string data = quote_identifier(window.name + "_data"), newest = quote_identifier(window.name + "_newest");
  return "\nCREATE TABLE IF NOT EXISTS " + newest +
         " (\n  series_id  INTEGER PRIMARY KEY,\n  time       INTEGER NOT NULL);\nDELETE FROM " + newest +
         ";\nINSERT INTO " + newest + " SELECT series_id, max(time) FROM " + data +
         " GROUP BY series_id;\nCREATE TRIGGER IF NOT EXISTS " + quote_identifier(window.name + "_data_newer") +
         " AFTER INSERT ON " + data + " BEGIN\n  INSERT INTO " + newest +
         " VALUES (NEW.series_id, NEW.time)\n    ON CONFLICT (series_id) DO UPDATE SET time = excluded.time WHERE "
         "excluded.time > time;\nEND;\nCREATE TRIGGER IF NOT EXISTS " +
         quote_identifier(window.name + "_data_older") + " AFTER DELETE ON " + data +
         "\n  WHEN OLD.time = (SELECT time FROM " + newest + " WHERE series_id = OLD.series_id) BEGIN\n  DELETE FROM " +
         newest + " WHERE series_id = OLD.series_id;\n  INSERT INTO " + newest + " SELECT series_id, time FROM " +
         data + " WHERE series_id = OLD.series_id AND time < OLD.time\n    ORDER BY time DESC LIMIT 1;\nEND;\n";
}

std::string view_ddl(const WindowSchema& window, const std::string& name, const std::string& rows) {
  std::string aggregates;
  for (const Column& column : window.columns) aggregates += " d." + quote_identifier(column.sql_name()) + ",";
  return "\nDROP VIEW IF EXISTS " + quote_identifier(name) + ";\nCREATE VIEW " + quote_identifier(name) +
         " AS\n  SELECT " + as_text("d.time") + " AS time,\n    " + as_text("d.time_end") +
         " AS time_end,\n    s.sensor_id, s.metric, s.unit," + aggregates +
         "\n    d.is_final, d.state, d.revision, coalesce(d.row_labels, s.labels) AS labels, s.gateway,\n    " +
         as_text("d.updated_at") + " AS updated_at, d.time AS time_us\n  FROM " + rows + ";\n";
}

}  // namespace

std::string sqlite_tables_ddl(const std::vector<WindowSchema>& inputs) {
  std::string ddl = R"(
CREATE TABLE IF NOT EXISTS series (
  series_id   INTEGER PRIMARY KEY,
  gateway     TEXT NOT NULL,
  grouped     INTEGER NOT NULL DEFAULT 0,
  sensor_id   TEXT NOT NULL,
  metric      TEXT NOT NULL,
  unit        TEXT NOT NULL DEFAULT '',
  labels      TEXT NOT NULL DEFAULT '{}',
  first_seen  TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP,
  UNIQUE (gateway, grouped, sensor_id, metric));

CREATE TABLE IF NOT EXISTS sink_state (
  gateway      TEXT NOT NULL,
  sink         TEXT NOT NULL,
  incarnation  INTEGER NOT NULL,
  state_id     INTEGER NOT NULL,
  run          INTEGER NOT NULL,
  epoch        INTEGER NOT NULL,
  updated_at   TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP,
  claimed_by   TEXT NOT NULL DEFAULT '',
  claimed_at   TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP,
  PRIMARY KEY (gateway, sink)) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS schema_version (
  part     TEXT NOT NULL PRIMARY KEY,
  version  INTEGER NOT NULL) WITHOUT ROWID;
)";
  for (const WindowSchema& window : inputs) ddl += table_ddl(window) + newest_ddl(window);
  return ddl + "\n" + schema_version_ddl("schema_version", inputs);
}

std::string sqlite_views_ddl(const std::vector<WindowSchema>& inputs) {
  std::string ddl;
  for (const WindowSchema& window : inputs) {
    const std::string data = quote_identifier(window.name + "_data");
    ddl += view_ddl(window, window.name, data + " d JOIN series s ON s.series_id = d.series_id");
    ddl += view_ddl(window, window.name + "_latest",
                    "series s CROSS JOIN " + quote_identifier(window.name + "_newest") +
                        " n ON n.series_id = s.series_id\n    CROSS JOIN " + data +
                        " d ON d.series_id = n.series_id AND d.time = n.time");
  }
  return ddl;
}

std::string sqlite_add_column(const WindowSchema& window, const Column& column) {
  return "ALTER TABLE " + quote_identifier(window.name + "_data") + " ADD COLUMN " + definition(column);
}

std::string sqlite_add_row_labels(const WindowSchema& window) {
  return "ALTER TABLE " + quote_identifier(window.name + "_data") + " ADD COLUMN row_labels TEXT";
}

std::string sqlite_delete_old_statement(const WindowSchema& window) {
  const std::string table = quote_identifier(window.name + "_data");
  return "DELETE FROM " + table + " WHERE (time, series_id) IN (SELECT time, series_id FROM " + table +
         " WHERE time < ? ORDER BY time LIMIT ?)";
}

std::string sqlite_newest_time_query(const WindowSchema& window) {
  return "SELECT time FROM " + quote_identifier(window.name + "_data") + " ORDER BY time DESC LIMIT 1";
}

TableShapes sqlite_shapes(const std::vector<WindowSchema>& inputs) {
  TableShapes shapes;
  shapes["series"] = {"series_id", "gateway", "grouped", "sensor_id", "metric", "unit", "labels"};
  shapes["schema_version"] = {"part", "version"};
  shapes["sink_state"] = {"gateway", "sink",       "incarnation", "state_id",  "run",
                          "epoch",   "updated_at", "claimed_by",  "claimed_at"};
  for (const WindowSchema& window : inputs) {
    std::set<std::string> data(sqlite_data_columns.begin(), sqlite_data_columns.end());
    std::set<std::string> view(sqlite_view_columns.begin(), sqlite_view_columns.end());
    for (const Column& column : window.columns) {
      data.insert(column.sql_name());
      view.insert(column.sql_name());
    }
    shapes[window.name + "_data"] = data;
    shapes[window.name + "_newest"] = {"series_id", "time"};
    shapes[window.name] = view;
    shapes[window.name + "_latest"] = view;
  }
  return shapes;
}

std::string sqlite_claim_statement() {
  return R"(INSERT INTO sink_state AS s (gateway, sink, state_id, incarnation, claimed_by, run, epoch)
VALUES (?, ?, ?, ?, ?, 0, 0)
ON CONFLICT (gateway, sink) DO UPDATE SET
  incarnation = max(s.incarnation + 1, excluded.incarnation), state_id = excluded.state_id,
  run = CASE WHEN s.state_id = excluded.state_id THEN s.run ELSE 0 END,
  epoch = CASE WHEN s.state_id = excluded.state_id THEN s.epoch ELSE 0 END, updated_at = CURRENT_TIMESTAMP,
  claimed_by = excluded.claimed_by, claimed_at = CURRENT_TIMESTAMP
RETURNING incarnation)";
}

std::string sqlite_retract_statement(const WindowSchema& window) {
  return "DELETE FROM " + quote_identifier(window.name + "_data") + retracted;
}

std::string sqlite_retractable_query(const WindowSchema& window) {
  return "SELECT 1 FROM " + quote_identifier(window.name + "_data") + retracted;
}

std::string sqlite_accounted_query(const WindowSchema& window) {
  const std::string number = reading_number(window);
  const std::string reading_column = number.empty() ? std::string() : ", ?6 AS " + quote_identifier(number);
  return "SELECT 1 FROM " + quote_identifier(window.name + "_data") +
         " d, (SELECT ?3 AS epoch, ?4 AS state_id, ?5 AS revision" + reading_column +
         ") AS EXCLUDED WHERE d.time = ?1 AND d.series_id = ?2 AND " + row_is_accounted_for(window);
}

std::string sqlite_stored_row_query(const WindowSchema& window) {
  std::string names;
  for (const Column& column : window.columns) {
    names += column.bytes ? ", NULL" : ", " + quote_identifier(column.sql_name());
  }
  return "SELECT state" + names + " FROM " + quote_identifier(window.name + "_data") +
         " WHERE time = ? AND series_id = ?";
}

std::string sqlite_change_statement(const WindowSchema& window, const ColumnNames& former) {
  std::string updates;
  for (const Column& column : window.columns) updates += ", " + quote_identifier(column.sql_name()) + " = ?";
  return "UPDATE " + quote_identifier(window.name + "_data") +
         " SET revision = revision + 1, updated_at = strftime('%s', 'now') * 1000000, epoch = ?3, state_id = ?4" +
         updates + set_to_null(former) + " WHERE time = ?1 AND series_id = ?2";
}

std::string sqlite_insert_statement(const WindowSchema& window, const ColumnNames& former) {
  std::string names;
  std::string values;
  std::string updates;
  for (const Column& column : window.columns) {
    const std::string name = quote_identifier(column.sql_name());
    names += ", " + name;
    values += ", ?";
    updates += ", " + name + " = excluded." + name;
  }
  return "INSERT INTO " + quote_identifier(window.name + "_data") +
         " AS d (time, series_id, time_end, state, is_final, revision, epoch, state_id, row_labels" + names +
         ", updated_at)\nVALUES (?, ?2, ?, ?, ?, ?, ?, ?, (SELECT nullif(?9, s.labels) FROM series s WHERE s.series_id "
         "= "
         "?2)" +
         values +
         ", strftime('%s', 'now') * 1000000)\nON CONFLICT (time, series_id) DO UPDATE SET time_end = "
         "excluded.time_end, state = excluded.state, is_final = excluded.is_final, revision = excluded.revision, "
         "epoch = excluded.epoch, state_id = excluded.state_id, updated_at = excluded.updated_at, row_labels = "
         "excluded.row_labels" +
         updates + set_to_null(former) + "\nWHERE " + row_gives_way(window);
}

}  // namespace edgetide
