#include "sinks/postgres_schema.h"

#include <array>
#include <optional>

#include "sinks/pg_array.h"
#include "sinks/row_guard.h"
#include "sinks/row_json.h"
#include "sinks/schema_version.h"
#include "sinks/sql_text.h"

namespace edgetide {

namespace {

constexpr std::array<std::string_view, 10> postgres_data_columns = {
    "time", "time_end", "series_id", "state", "is_final", "revision", "epoch", "state_id", "updated_at", "row_labels"};
constexpr std::array<std::string_view, 5> series_columns = {"gateway", "sensor_id", "metric", "unit", "labels"};

constexpr std::size_t max_name_bytes_of_role = 63 - 7;  // before "_writer"

// $window in a text becomes "schema"."window", $window_data its table, and so on.
std::string with_names(std::string text, const std::string& schema, const std::string& window = {}) {
  const auto in_schema = [&](const char* suffix) { return "$schema." + quote_identifier(window + suffix); };
  return filled(std::move(text),
                {{"$window_data_time", quote_identifier(window + "_data_time")},  // an index takes its table's schema
                 {"$window_data", in_schema("_data")},
                 {"$window_latest", in_schema("_latest")},
                 {"$window", in_schema("")},
                 {"$schema", quote_identifier(schema)}});
}

struct Comment {
  const char* column;
  const char* text;
};
constexpr Comment data_comments[] = {
    {"time", "start of the window"},
    {"time_end", "end of the window; null: it has none"},
    {"series_id", "gateway, sensor and metric, in the table series"},
    {"state", "open or closed: may still change; final"},
    {"is_final", "no reading can change the row any more"},
    {"revision", "grows with each change of the row"},
    {"epoch", "trigger of the gateway that made the row"},
    {"state_id", "state directory of the gateway that made the row"},
    {"updated_at", "when the row was written last"},
    {"row_labels", "labels of the readings in the row, where they are not those of the series"},
};
constexpr Comment series_comments[] = {
    {"gateway", "id of the gateway"},
    {"grouped", "sensor_id is the text of group_by, not a sensor"},
    {"sensor_id", "the sensor, or the text of its group"},
    {"metric", "what is measured"},
    {"unit", "unit of the values; empty: not known"},
    {"labels", "labels as the first reading had them"},
};

template <std::size_t count>
std::string comments_on(const std::string& table, const Comment (&comments)[count]) {
  std::string ddl;
  for (const Comment& comment : comments) {
    ddl += "COMMENT ON COLUMN " + table + "." + quote_identifier(comment.column) + " IS '" + comment.text + "';\n";
  }
  return ddl;
}

std::string window_comments(const WindowSchema& window) {
  std::string ddl =
      "\nCOMMENT ON TABLE $window_data IS 'Edgetide: rows of window " + window.name +
      ", one for each series and start; people query the view " + window.name + "';\n" +
      "COMMENT ON VIEW $window IS 'Edgetide: rows of window " + window.name + " with the names of their series';\n" +
      "COMMENT ON VIEW $window_latest IS 'Edgetide: the newest row of each series of window " + window.name + "';\n";
  for (const char* table : {"$window_data", "$window", "$window_latest"}) ddl += comments_on(table, data_comments);
  return ddl;
}

std::string type_of(const Column& column) {
  if (column.bytes) return "bytea";
  return column.integer ? "bigint" : "double precision";
}

// Two integers of four bytes share eight in a row. Tables of before have bigint there, which every statement takes too.
std::string window_ddl(const std::string& schema, const WindowSchema& window, const PostgresPartitions& partitions) {
  std::string columns;
  for (const Column& column : window.columns) {
    columns += ",\n";
    columns += "  ADD COLUMN IF NOT EXISTS " + quote_identifier(column.sql_name()) + ' ' + type_of(column);
  }
  std::string ddl = R"(
CREATE TABLE IF NOT EXISTS $window_data (
  time        timestamptz NOT NULL,
  time_end    timestamptz,
  series_id   integer NOT NULL REFERENCES $schema.series,
  revision    integer NOT NULL,
  state       text NOT NULL,
  is_final    boolean NOT NULL,
  epoch       bigint NOT NULL,
  state_id    bigint NOT NULL,
  updated_at  timestamptz NOT NULL DEFAULT now(),
  row_labels  jsonb,
  PRIMARY KEY (series_id, time)))";
  ddl += postgres_partition_clause(partitions) + ";\n";
  ddl += "ALTER TABLE $window_data\n  ADD COLUMN IF NOT EXISTS row_labels jsonb" + columns + ";\n";
  ddl += R"(CREATE INDEX IF NOT EXISTS $window_data_time ON $window_data USING brin (time);

CREATE OR REPLACE VIEW $window AS
  SELECT s.gateway, s.sensor_id, s.metric, s.unit, coalesce(d.row_labels, s.labels) AS labels, d.*
  FROM $window_data d JOIN $schema.series s USING (series_id);

CREATE OR REPLACE VIEW $window_latest AS
  SELECT s.gateway, s.sensor_id, s.metric, s.unit, coalesce(d.row_labels, s.labels) AS labels, d.*
  FROM $schema.series s CROSS JOIN LATERAL
    (SELECT * FROM $window_data w WHERE w.series_id = s.series_id ORDER BY w.time DESC LIMIT 1) d;
)";
  ddl = with_names(ddl + window_comments(window), schema, window.name);
  return partitions.days == 0 ? ddl : ddl + postgres_default_partition_ddl(schema, window);
}

// A bigint of microseconds as timestamptz. Exact: an interval times a number is computed in doubles, so days and the
// rest of the day go apart. Without a zone in between, so that the session's time zone does not matter.
std::string as_time(const std::string& microseconds) {
  return "(timestamp 'epoch' + " + microseconds + " / 86400000000 * interval '1 day' + " + microseconds +
         " % 86400000000 * interval '1 microsecond') AT TIME ZONE 'UTC'";
}

}  // namespace

std::string postgres_schema_ddl(const std::string& schema) {
  return with_names("CREATE SCHEMA IF NOT EXISTS $schema;\n", schema);
}

std::string postgres_tables_ddl(const std::string& schema, const std::vector<WindowSchema>& inputs,
                                const PostgresPartitions& partitions) {
  std::string ddl = with_names(R"(
CREATE TABLE IF NOT EXISTS $schema.series (
  series_id   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  gateway     text NOT NULL,
  grouped     boolean NOT NULL DEFAULT false,
  sensor_id   text NOT NULL,
  metric      text NOT NULL,
  unit        text NOT NULL DEFAULT '',
  labels      jsonb NOT NULL DEFAULT '{}',
  first_seen  timestamptz NOT NULL DEFAULT now(),
  UNIQUE (gateway, grouped, sensor_id, metric));

CREATE TABLE IF NOT EXISTS $schema.sink_state (
  gateway      text NOT NULL,
  sink         text NOT NULL,
  incarnation  bigint NOT NULL,
  state_id     bigint NOT NULL,
  run          bigint NOT NULL,
  epoch        bigint NOT NULL,
  updated_at   timestamptz NOT NULL DEFAULT now(),
  claimed_by   text NOT NULL DEFAULT '',
  claimed_at   timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (gateway, sink));

CREATE TABLE IF NOT EXISTS $schema.schema_version (
  part     text NOT NULL PRIMARY KEY,
  version  bigint NOT NULL);

COMMENT ON TABLE $schema.series IS 'Edgetide: what is measured, by gateway, sensor and metric';
COMMENT ON TABLE $schema.sink_state IS 'Edgetide: who writes, and the newest epoch stored';
COMMENT ON TABLE $schema.schema_version IS 'Edgetide: version of the tables, by window; empty: those of all windows';
)" + comments_on("$schema.series", series_comments),
                               schema);
  for (const WindowSchema& window : inputs) ddl += window_ddl(schema, window, partitions);
  return ddl + "\n" + schema_version_ddl(with_names("$schema.schema_version", schema), inputs);
}

std::string postgres_roles_ddl(const std::string& schema) {
  std::string ddl = "\n-- Who writes and who reads: grant these roles to the users of gateways and of dashboards.\n";
  const std::string base = schema.substr(0, max_name_bytes_of_role);
  for (const char* role : {"_writer", "_reader"}) {
    ddl += "DO $do$ BEGIN CREATE ROLE " + quote_identifier(base + role) +
           " NOLOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $do$;\n";
  }
  const auto grants = [&](const std::string& role, const std::string& rights) {
    const std::string to = " TO " + quote_identifier(base + role) + ";\n";
    ddl += "GRANT USAGE ON SCHEMA $schema" + to + "GRANT " + rights + " ON ALL TABLES IN SCHEMA $schema" + to +
           "ALTER DEFAULT PRIVILEGES IN SCHEMA $schema GRANT " + rights + " ON TABLES" + to;
  };
  grants("_writer", "SELECT, INSERT, UPDATE, DELETE");
  grants("_reader", "SELECT");
  return with_names(ddl, schema);
}

TableShapes postgres_shapes(const std::vector<WindowSchema>& inputs) {
  TableShapes shapes;
  shapes["series"] = {"series_id", "gateway", "grouped", "sensor_id", "metric", "unit", "labels"};
  shapes["schema_version"] = {"part", "version"};
  shapes["sink_state"] = {"gateway", "sink",       "incarnation", "state_id",  "run",
                          "epoch",   "updated_at", "claimed_by",  "claimed_at"};
  for (const WindowSchema& window : inputs) {
    std::set<std::string> data(postgres_data_columns.begin(), postgres_data_columns.end());
    for (const Column& column : window.columns) data.insert(column.sql_name());
    std::set<std::string> view = data;
    view.insert(series_columns.begin(), series_columns.end());
    shapes[window.name + "_data"] = data;
    shapes[window.name] = view;
    shapes[window.name + "_latest"] = view;
  }
  return shapes;
}

std::string postgres_shapes_query() {
  return R"(SELECT c.relname, a.attname
FROM pg_catalog.pg_namespace n
JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid
JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE n.nspname = $1 AND c.relname = ANY ($2::text[]))";
}

std::string postgres_versions_query(const std::string& schema) {
  return with_names("SELECT part, version FROM $schema.schema_version", schema);
}

std::string postgres_has_rows_query(const std::string& schema, const WindowSchema& window,
                                    std::optional<Duration> kept) {
  const std::string or_old = kept ? " OR " + as_time("$2::bigint") + " < now() - " +
                                        std::to_string(kept->count() / 1'000'000) + " * interval '1 second'"
                                  : std::string();
  return with_names(
      "SELECT (EXISTS (SELECT FROM $schema.series s\n  WHERE s.gateway = $1 AND EXISTS (SELECT FROM $window_data d "
      "WHERE d.series_id = s.series_id))" +
          or_old + ")::int",
      schema, window.name);
}

std::string postgres_numbers_query() {
  return postgres_shapes_query() +
         " AND a.atttypid IN ('bigint'::regtype, 'double precision'::regtype, 'bytea'::regtype) AND NOT a.attnotnull "
         "AND a.attgenerated "
         "= '' AND has_column_privilege(c.oid, a.attnum, 'UPDATE')";
}

std::string postgres_claim_statement(const std::string& schema) {
  return with_names(
      R"(INSERT INTO $schema.sink_state AS s (gateway, sink, state_id, incarnation, claimed_by, run, epoch)
VALUES ($1, $2, $3::bigint, $4::bigint, $5, 0, 0)
ON CONFLICT (gateway, sink) DO UPDATE SET
  incarnation = greatest(s.incarnation + 1, EXCLUDED.incarnation), state_id = EXCLUDED.state_id,
  run = CASE WHEN s.state_id = EXCLUDED.state_id THEN s.run ELSE 0 END,
  epoch = CASE WHEN s.state_id = EXCLUDED.state_id THEN s.epoch ELSE 0 END, updated_at = now(),
  claimed_by = EXCLUDED.claimed_by, claimed_at = now()
RETURNING incarnation)",
      schema);
}

std::string postgres_state_query(const std::string& schema) {
  return with_names(R"(SELECT incarnation, run, epoch, state_id, (extract(epoch FROM updated_at) * 1000000)::bigint,
  claimed_by, (extract(epoch FROM claimed_at) * 1000000)::bigint
FROM $schema.sink_state WHERE gateway = $1 AND sink = $2 FOR UPDATE)",
                    schema);
}

std::string postgres_epoch_statement(const std::string& schema) {
  return with_names(
      "UPDATE $schema.sink_state SET run = $3::bigint, epoch = $4::bigint, updated_at = now() "
      "WHERE gateway = $1 AND sink = $2",
      schema);
}

std::string postgres_find_series_query(const std::string& schema) {
  return with_names(R"(SELECT n.position, s.series_id, (s.labels <> n.labels::jsonb)::int
FROM unnest($2::text[], $3::text[], $4::boolean[], $5::text[]) WITH ORDINALITY
  AS n(sensor_id, metric, grouped, labels, position)
JOIN $schema.series s ON s.gateway = $1 AND s.grouped = n.grouped AND s.sensor_id = n.sensor_id
  AND s.metric = n.metric)",
                    schema);
}

std::string postgres_add_series_statement(const std::string& schema) {
  return with_names(R"(INSERT INTO $schema.series (gateway, grouped, sensor_id, metric, unit, labels)
SELECT $1, n.grouped, n.sensor_id, n.metric, n.unit, n.labels::jsonb
FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::boolean[])
  AS n(sensor_id, metric, unit, labels, grouped)
ORDER BY n.grouped, n.sensor_id, n.metric
ON CONFLICT (gateway, grouped, sensor_id, metric) DO NOTHING)",
                    schema);
}

std::string postgres_insert_statement(const std::string& schema, const WindowSchema& window,
                                      const ColumnNames& former) {
  std::string names;
  std::string values;
  std::string updates;
  std::string arrays;
  int parameter = 8;
  for (const Column& column : window.columns) {
    const std::string name = quote_identifier(column.sql_name());
    names += ", " + name;
    values += ", n." + name;
    updates += ", " + name + " = EXCLUDED." + name;
    arrays += ", $" + std::to_string(++parameter) + "::" + type_of(column) + "[]";
  }
  return with_names(
      "INSERT INTO $window_data AS d (series_id, time, time_end, state, is_final, revision, epoch, state_id, "
      "row_labels" +
          names + ")\nSELECT n.series_id, " + as_time("n.start_us") + ", " + as_time("n.end_us") +
          ", n.state, n.state = 'final', n.revision, $1::bigint, $2::bigint, n.row_labels::jsonb" + values +
          "\nFROM unnest($3::bigint[], $4::bigint[], $5::bigint[], $6::text[], $7::bigint[], $8::text[]" + arrays +
          ") AS n(series_id, start_us, end_us, state, revision, row_labels" + names +
          ")\nORDER BY 1, 2\nON CONFLICT (series_id, time) DO UPDATE SET time_end = EXCLUDED.time_end, "
          "state = EXCLUDED.state, is_final = EXCLUDED.is_final, revision = EXCLUDED.revision, "
          "epoch = EXCLUDED.epoch, state_id = EXCLUDED.state_id, updated_at = now(), row_labels = EXCLUDED.row_labels" +
          updates + set_to_null(former) + "\nWHERE " + row_gives_way(window),
      schema, window.name);
}

std::string postgres_skipped_rows_query(const std::string& schema, const WindowSchema& window) {
  const std::optional<std::size_t> number = reading_number_column(window);
  std::string array;
  std::string name;
  std::string value;
  if (number) {
    const Column& column = window.columns[*number];
    array = column.integer ? ", $6::bigint[]" : ", $6::double precision[]";
    name = ", " + quote_identifier(column.sql_name());
    value = ", n." + quote_identifier(column.sql_name());
  }
  return with_names(
      "SELECT n.position\nFROM unnest($3::bigint[], $4::bigint[], $5::bigint[]" + array +
          ") WITH ORDINALITY AS n(series_id, start_us, revision" + name +
          ", position)\nWHERE NOT EXISTS (SELECT FROM $window_data d, LATERAL (SELECT $1::bigint, $2::bigint, "
          "n.revision" +
          value + ") AS EXCLUDED(epoch, state_id, revision" + name +
          ")\n  WHERE d.series_id = n.series_id AND d.time = " + as_time("n.start_us") + " AND " +
          row_is_accounted_for(window) + ")",
      schema, window.name);
}

std::vector<std::string> postgres_skipped_rows_parameters(const WindowSchema& window, const WindowRows& window_rows,
                                                          std::span<const std::size_t> rows,
                                                          std::span<const PostgresSeriesId> series_ids,
                                                          std::uint64_t epoch, std::uint64_t state_id) {
  const std::optional<std::size_t> number = reading_number_column(window);
  std::vector<PgArray> arrays(number ? 4 : 3);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const SinkRow& row = window_rows.rows[rows[i]];
    arrays[0].add(series_ids[i].id);
    arrays[1].add(row.start.count());
    arrays[2].add(static_cast<std::int64_t>(row.revision));
    if (!number) continue;
    const double value = window_rows.values_of(rows[i], window.columns.size())[*number];
    window.columns[*number].integer ? arrays[3].add_integral(value) : arrays[3].add(value);
  }
  std::vector<std::string> parameters = {std::to_string(epoch), std::to_string(state_id)};
  for (PgArray& array : arrays) parameters.push_back(array.take());
  return parameters;
}

std::string postgres_stored_rows_query(const std::string& schema, const WindowSchema& window) {
  std::string values;
  for (const Column& column : window.columns) {
    if (column.bytes) {
      values += ", ''";
      continue;
    }
    values +=
        ", coalesce(encode(float8send(d." + quote_identifier(column.sql_name()) + "::double precision), 'hex'), '')";
  }
  return with_names(
      "SELECT n.position" + values +
          "\nFROM unnest($1::bigint[], $2::bigint[]) WITH ORDINALITY AS n(series_id, start_us, position)\n"
          "JOIN $window_data d ON d.series_id = n.series_id AND d.time = " +
          as_time("n.start_us") + "\nFOR UPDATE OF d",
      schema, window.name);
}

std::vector<std::string> postgres_stored_rows_parameters(const WindowRows& window_rows,
                                                         std::span<const PostgresSeriesId> series_ids) {
  PgArray ids;
  PgArray starts;
  for (std::size_t i = 0; i < window_rows.rows.size(); ++i) {
    ids.add(series_ids[i].id);
    starts.add(window_rows.rows[i].start.count());
  }
  return {ids.take(), starts.take()};
}

std::string postgres_change_statement(const std::string& schema, const WindowSchema& window,
                                      const ColumnNames& former) {
  std::string names;
  std::string updates;
  std::string arrays;
  int parameter = 4;
  for (const Column& column : window.columns) {
    const std::string name = quote_identifier(column.sql_name());
    if (column.bytes) {  // they are of the readings before
      updates += ", " + name + " = NULL";
      continue;
    }
    names += ", " + name;
    updates += ", " + name + " = n." + name;
    arrays += ", $" + std::to_string(++parameter) + (column.integer ? "::bigint[]" : "::double precision[]");
  }
  return with_names(
      "UPDATE $window_data d SET revision = d.revision + 1, epoch = $1::bigint, state_id = $2::bigint, updated_at = "
      "now()" +
          updates + set_to_null(former) + "\nFROM unnest($3::bigint[], $4::bigint[]" + arrays +
          ") WITH ORDINALITY AS n(series_id, start_us" + names +
          ", position)\nWHERE d.series_id = n.series_id AND d.time = " + as_time("n.start_us") +
          "\nRETURNING n.position",
      schema, window.name);
}

std::vector<std::string> postgres_change_parameters(const WindowSchema& window, const WindowRows& window_rows,
                                                    std::span<const PostgresSeriesId> series_ids, std::uint64_t epoch,
                                                    std::uint64_t state_id) {
  std::vector<std::string> parameters = {std::to_string(epoch), std::to_string(state_id)};
  for (std::string& array : postgres_stored_rows_parameters(window_rows, series_ids)) {
    parameters.push_back(std::move(array));
  }
  const std::size_t columns = window.columns.size();
  for (std::size_t c = 0; c < columns; ++c) {
    if (window.columns[c].bytes) continue;
    PgArray values;
    for (std::size_t i = 0; i < window_rows.rows.size(); ++i) {
      const double value = window_rows.values_of(i, columns)[c];
      window.columns[c].integer ? values.add_integral(value) : values.add(value);
    }
    parameters.push_back(values.take());
  }
  return parameters;
}

std::string postgres_retract_statement(const std::string& schema, const WindowSchema& window) {
  return with_names(
      "DELETE FROM $window_data d\nUSING unnest($2::bigint[], $3::bigint[], $4::bigint[]) AS n(series_id, "
      "start_us, revision)\nWHERE d.series_id = n.series_id AND d.time = " +
          as_time("n.start_us") + " AND (d.state_id = $1::bigint OR d.revision < n.revision)",
      schema, window.name);
}

std::string postgres_retractable_query(const std::string& schema, const WindowSchema& window) {
  return with_names(
      "SELECT n.position\nFROM unnest($2::bigint[], $3::bigint[], $4::bigint[]) WITH ORDINALITY AS n(series_id, "
      "start_us, revision, position)\nJOIN $window_data d ON d.series_id = n.series_id AND d.time = " +
          as_time("n.start_us") + "\nWHERE d.state_id = $1::bigint OR d.revision < n.revision",
      schema, window.name);
}

std::vector<std::string> postgres_retract_parameters(const WindowRows& window_rows, std::span<const std::size_t> rows,
                                                     std::span<const PostgresSeriesId> series_ids,
                                                     std::uint64_t state_id) {
  std::vector<PgArray> arrays(3);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const SinkRow& row = window_rows.rows[rows[i]];
    arrays[0].add(series_ids[i].id);
    arrays[1].add(row.start.count());
    arrays[2].add(static_cast<std::int64_t>(row.revision));
  }
  return {std::to_string(state_id), arrays[0].take(), arrays[1].take(), arrays[2].take()};
}

std::vector<std::string> postgres_insert_parameters(const WindowSchema& window, const WindowRows& window_rows,
                                                    std::span<const std::size_t> rows,
                                                    std::span<const PostgresSeriesId> series_ids, std::uint64_t epoch,
                                                    std::uint64_t state_id) {
  constexpr std::size_t own = 6;
  const std::size_t columns = window.columns.size();
  std::vector<PgArray> arrays(own + columns);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const SinkRow& row = window_rows.rows[rows[i]];
    arrays[0].add(series_ids[i].id);
    arrays[1].add(row.start.count());
    row.end == Timestamp::latest() ? arrays[2].add_null() : arrays[2].add(row.end.count());
    arrays[3].add_text(name_of(row.state));
    arrays[4].add(static_cast<std::int64_t>(row.revision));
    series_ids[i].has_other_labels ? arrays[5].add_text(json_of(row.series->labels)) : arrays[5].add_null();
    const auto values = window_rows.values_of(rows[i], columns);
    for (std::size_t c = 0; c < columns; ++c) {
      if (window.columns[c].bytes) {
        row.sketch ? arrays[own + c].add_bytes(*row.sketch) : arrays[own + c].add_null();
        continue;
      }
      window.columns[c].integer ? arrays[own + c].add_integral(values[c]) : arrays[own + c].add(values[c]);
    }
  }
  std::vector<std::string> parameters = {std::to_string(epoch), std::to_string(state_id)};
  for (PgArray& array : arrays) parameters.push_back(array.take());
  return parameters;
}

}  // namespace edgetide
