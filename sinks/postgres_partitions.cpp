#include "sinks/postgres_partitions.h"

#include <algorithm>
#include <utility>

#include "sinks/sql_text.h"

namespace edgetide {

namespace {

// Of rows that come late, by the default of `oldest`, and one more.
constexpr std::int64_t days_back = 8;
constexpr std::int64_t days_ahead = 7, partitions_ahead = 2;

std::string table_of(const std::string& schema, const WindowSchema& window, const std::string& suffix = {}) {
  return quote_identifier(schema) + "." + quote_identifier(window.name + "_data" + suffix);
}

std::string in_seconds(Duration duration) {
  return std::to_string(duration.count() / 1'000'000) + " * interval '1 second'";
}

// Where a partition `c` ends; null: it has no such end.
constexpr const char* end_of_partition =
    "((regexp_match(pg_catalog.pg_get_expr(c.relpartbound, c.oid), 'TO \\(''([^'']+)''\\)'))[1]::timestamptz)";

std::string block(const std::string& schema, const WindowSchema& window, const std::string& declarations,
                  const std::string& statements) {
  return "DO $do$ DECLARE\n  parent CONSTANT regclass := " + quote_literal(table_of(schema, window)) + ";\n" +
         declarations + "BEGIN\n" + statements + "END $do$;\n";
}

constexpr const char* unless_partitioned =
    "  IF (SELECT relkind FROM pg_catalog.pg_class WHERE oid = parent) <> 'p' THEN RETURN; END IF;\n";

}  // namespace

std::string postgres_partition_clause(const PostgresPartitions& partitions) {
  return partitions.days == 0 ? std::string() : " PARTITION BY RANGE (time)";
}

std::string postgres_default_partition_ddl(const std::string& schema, const WindowSchema& window) {
  return block(schema, window, "",
               unless_partitioned + ("  CREATE TABLE IF NOT EXISTS " + table_of(schema, window, "_default")) +
                   " PARTITION OF " + table_of(schema, window) + " DEFAULT;\n");
}

// From where the newest partition ends, so that another length of partitions only holds for new ones. Rows of the
// default partition move first: while they are there, no partition can be made for their time. Locks are taken in the
// order in which a delivery takes them.
std::string postgres_make_partitions_ddl(const std::string& schema, const WindowSchema& window,
                                         const PostgresPartitions& partitions) {
  const Duration back = std::min(Duration::days(days_back),
                                 retention_of(partitions.retention, window.name).value_or(Duration::days(days_back)));
  const std::int64_t ahead = std::max(days_ahead, partitions_ahead * partitions.days);
  return block(schema, window, "  others regclass; low timestamptz; high timestamptz; part text;\n",
               unless_partitioned + filled(R"(  others := $others;
  SELECT max($end) INTO low FROM pg_catalog.pg_inherits i
    JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = parent;
  low := greatest(low, to_timestamp(floor(extract(epoch FROM now() - $back) / $length) * $length));
  WHILE low < now() + $ahead LOOP
    high := to_timestamp((floor(extract(epoch FROM low) / $length) + 1) * $length);
    part := format('%I.%I', $schema, $name || to_char(low AT TIME ZONE 'UTC', 'YYYYMMDD'));
    LOCK TABLE $series IN SHARE ROW EXCLUSIVE MODE;
    EXECUTE format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', others);
    EXECUTE format('CREATE TABLE %s (LIKE %s INCLUDING ALL)', part, parent);
    EXECUTE format('WITH moved AS (DELETE FROM %s WHERE time >= %L AND time < %L RETURNING *) '
      'INSERT INTO %s SELECT * FROM moved', others, low, high, part);
    EXECUTE format('ALTER TABLE %s ATTACH PARTITION %s FOR VALUES FROM (%L) TO (%L)', parent, part, low, high);
    low := high;
  END LOOP;
)",
                                           {{"$end", end_of_partition},
                                            {"$back", in_seconds(back)},
                                            {"$ahead", in_seconds(Duration::days(ahead))},
                                            {"$length", std::to_string(partitions.days * 86'400)},
                                            {"$name", quote_literal(window.name + "_data_p")},
                                            {"$series", quote_identifier(schema) + ".series"},
                                            {"$others", quote_literal(table_of(schema, window, "_default"))},
                                            {"$schema", quote_literal(schema)}}));
}

std::string postgres_drop_partitions_ddl(const std::string& schema, const WindowSchema& window, Duration kept) {
  return block(schema, window, "  part regclass;\n",
               filled(R"(  FOR part IN SELECT c.oid::regclass FROM pg_catalog.pg_inherits i
    JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid
    WHERE i.inhparent = parent AND c.relname ~ '^$name_data_p[0-9]{8}$' AND $end <= now() - $kept
  LOOP
    EXECUTE format('DROP TABLE %s', part);
  END LOOP;
)",
                      {{"$end", end_of_partition}, {"$kept", in_seconds(kept)}, {"$name", window.name}}));
}

std::string postgres_partitions_ddl(const std::string& schema, const WindowSchema& window,
                                    const PostgresPartitions& partitions) {
  std::string ddl;
  if (partitions.days > 0) {
    ddl += "\n-- Partitions of " + window.name +
           " to a week ahead, where its table has any: run this each day if no gateway may make them.\n" +
           postgres_make_partitions_ddl(schema, window, partitions);
  }
  if (const auto kept = retention_of(partitions.retention, window.name)) {
    const std::string old = " WHERE time < now() - " + in_seconds(*kept) + ";\n";
    ddl += "\n-- Rows of " + window.name + " that are older than they are kept for.\n" +
           postgres_drop_partitions_ddl(schema, window, *kept) +
           block(schema, window, "",
                 "  IF (SELECT relkind FROM pg_catalog.pg_class WHERE oid = parent) = 'p' THEN\n    DELETE FROM " +
                     table_of(schema, window, "_default") + old + "  ELSE\n    DELETE FROM " +
                     table_of(schema, window) + old + "  END IF;\n");
  }
  return ddl;
}

std::string postgres_partitions_query() {
  return filled(R"(SELECT (t.relkind = 'p')::int,
  (pg_has_role(t.relowner, 'USAGE') AND has_schema_privilege(t.relnamespace, 'CREATE'))::int,
  coalesce((extract(epoch FROM p.newest) * 1000000)::bigint, 0),
  coalesce(p.newest > now() + interval '72 hours', false)::int
FROM pg_catalog.pg_class t JOIN pg_catalog.pg_namespace n ON n.oid = t.relnamespace
LEFT JOIN LATERAL (SELECT max($end) AS newest FROM pg_catalog.pg_inherits i
  JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = t.oid) p ON true
WHERE n.nspname = $1 AND t.relname = $2)",
                {{"$end", end_of_partition}});
}

// By the key, which names a row of any partition.
std::string postgres_delete_old_statement(const std::string& schema, const WindowSchema& window, Duration kept,
                                          bool from_default) {
  return filled(R"(DELETE FROM $table d USING (SELECT series_id, time FROM $table WHERE time < now() - $kept LIMIT $1) o
WHERE d.series_id = o.series_id AND d.time = o.time)",
                {{"$table", table_of(schema, window, from_default ? "_default" : "")}, {"$kept", in_seconds(kept)}});
}

}  // namespace edgetide
