// Rows in PostgreSQL: bytes of each, the time of usual queries, and how fast a backlog is stored, beside a plain table
// that is filled with COPY and an upsert.
//
//   postgres_bench [ROWS [CONNECTION [STATE_FOLDER]]]   a million rows of 1,000 series, a private server without fsync
//
// Writes into the schemas `edgetide`, `partitioned` and `plain`, which it drops first.
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <iostream>
#include <pqxx/pqxx>
#include <string>
#include <vector>

#include "daemon/outbox/delivery.h"
#include "daemon/outbox/outbox.h"
#include "daemon/storage/posix_file_system.h"
#include "pipeline/time_text.h"
#include "sinks/postgres_sink.h"
#include "tests/fakes/postgres_server.h"
#include "tests/sinks/batch_builder.h"

namespace edgetide::test {
namespace {

constexpr std::size_t series_count = 1'000, rows_of_part = 5'000;
using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point began) {
  return std::chrono::duration<double>(Clock::now() - began).count();
}

std::vector<WindowSchema> inputs() {
  return {{"minute", {{"count", true}, {"avg", false}, {"min", false}, {"max", false}}}};
}

struct Load {
  std::size_t minutes = 0;
  std::int64_t first_us = 0;
  std::vector<std::shared_ptr<const Series>> series;

  explicit Load(std::size_t rows) : minutes(rows / series_count) {
    const auto now =
        std::chrono::duration_cast<std::chrono::minutes>(std::chrono::system_clock::now().time_since_epoch());
    first_us = (now.count() - static_cast<std::int64_t>(minutes)) * 60'000'000;
    for (std::size_t i = 0; i < series_count; ++i) {
      series.push_back(test::series(numbered("sensor-", static_cast<std::int64_t>(i)), "temperature"));
    }
  }
  std::int64_t start_of(std::size_t minute) const { return first_us + static_cast<std::int64_t>(minute) * 60'000'000; }
  static double average(std::size_t minute, std::size_t sensor) {
    return 20 + static_cast<double>((minute * 7 + sensor * 13) % 1000) / 97;
  }
  RowBatch batch_of(std::size_t minute) const {
    std::vector<RowText> rows;
    for (std::size_t i = 0; i < series_count; ++i) {
      const double average_value = average(minute, i);
      rows.push_back(
          {series[i], start_of(minute), 1, {60, average_value, average_value - 1, average_value + 1}, RowState::final});
    }
    return batch(minute + 1, rows);
  }
};

// What has waited in the outbox while the store was away.
double store_backlog(const Load& load, const PostgresOptions& options, const std::string& state) {
  PosixFileSystem files;
  OutboxOptions wanted;
  wanted.max_bytes = std::size_t{1} << 30;
  std::filesystem::remove_all(state);
  std::filesystem::create_directories(state);
  Outbox outbox(wanted, postgres_traits(), inputs(), files, spill_location(state, "bench"), OutboxEvents{});
  static_cast<void>(outbox.recover({}, 1));
  for (std::size_t minute = 0; minute < load.minutes; ++minute) {
    outbox.push(load.batch_of(minute));
    outbox.spill_excess();
  }
  Delivery delivery("bench", make_postgres_sink(options, {"gw", "bench", 1}, inputs()), outbox, 1, wanted);
  const auto began = Clock::now();
  while (delivery.step()) {
  }
  const double took = seconds_since(began);
  if (!outbox.empty()) std::cerr << "not all rows were stored: " << delivery.status().error << '\n';
  return took;
}

double store_plainly(const Load& load, pqxx::connection& connection) {
  const auto began = Clock::now();
  for (std::size_t first = 0; first < load.minutes; first += rows_of_part / series_count) {
    pqxx::work work(connection);
    work.exec("CREATE TEMP TABLE stage (LIKE plain.minute) ON COMMIT DROP");
    pqxx::stream_to copy(work, "stage", std::vector<std::string>{"time", "series_id", "count", "avg", "min", "max"});
    for (std::size_t m = first; m < std::min(load.minutes, first + rows_of_part / series_count); ++m) {
      const std::string time = to_rfc3339(Timestamp::microseconds(load.start_of(m)));
      for (std::size_t i = 0; i < series_count; ++i) {
        const double average = Load::average(m, i);
        copy << std::make_tuple(time, static_cast<int>(i + 1), 60, average, average - 1, average + 1);
      }
    }
    copy.complete();
    work.exec(
        "INSERT INTO plain.minute SELECT * FROM stage ORDER BY series_id, time ON CONFLICT (series_id, time) DO UPDATE "
        "SET count = EXCLUDED.count, avg = EXCLUDED.avg, min = EXCLUDED.min, max = EXCLUDED.max");
    work.commit();
  }
  return seconds_since(began);
}

std::string value(pqxx::connection& connection, const std::string& sql) {
  pqxx::nontransaction work(connection);
  return work.exec(sql)[0][0].c_str();
}

// Of a table and its partitions, per row: all, the rows alone, the indexes.
std::string sizes(pqxx::connection& connection, const std::string& table, std::size_t rows) {
  const std::string parts = "FROM (SELECT relid FROM pg_partition_tree('" + table + "') WHERE isleaf UNION SELECT '" +
                            table + "'::regclass) t";
  const auto bytes = [&](const std::string& function) {
    const double all = std::strtod(value(connection, "SELECT sum(" + function + "(relid)) " + parts).c_str(), nullptr);
    return std::to_string(all / static_cast<double>(rows)).substr(0, 5);
  };
  return bytes("pg_total_relation_size") + " B/row: rows " + bytes("pg_relation_size") + ", indexes " +
         bytes("pg_indexes_size");
}

double best_ms(pqxx::connection& connection, const std::string& sql) {
  double best = 1e9;
  for (int i = 0; i < 7; ++i) {
    pqxx::nontransaction work(connection);
    const auto began = Clock::now();
    work.exec(sql);
    best = std::min(best, seconds_since(began) * 1000);
  }
  return best;
}

void print_queries(pqxx::connection& connection, const Load& load, const std::string& view, const std::string& latest,
                   const std::string& one) {
  const std::string since = to_rfc3339(Timestamp::microseconds(load.start_of(load.minutes)) - Duration::hours(1));
  const std::string hour = " FROM " + view + " WHERE time >= '" + since + "'";
  const std::string day = "SELECT series_id, date_trunc('day', time), sum(count), avg(avg), min(min), max(max) FROM " +
                          view + " GROUP BY 1, 2";
  std::cout << "  last hour of one sensor " << best_ms(connection, "SELECT time, avg" + hour + " AND " + one)
            << " ms, last hour of all " << best_ms(connection, "SELECT time, series_id, avg" + hour)
            << " ms, roll-up by day " << best_ms(connection, day) << " ms, latest of each "
            << best_ms(connection, "SELECT * FROM " + latest) << " ms\n";
}

void run(std::size_t rows, const std::string& conninfo, const std::string& state) {
  const Load load(rows);
  rows = load.minutes * series_count;
  pqxx::connection connection(conninfo);
  {
    pqxx::nontransaction work(connection);
    work.exec("SET client_min_messages = error");
    work.exec(
        "DROP SCHEMA IF EXISTS edgetide CASCADE; DROP SCHEMA IF EXISTS partitioned CASCADE; "
        "DROP SCHEMA IF EXISTS plain CASCADE; CREATE SCHEMA plain; CREATE TABLE plain.minute (time timestamptz NOT "
        "NULL, "
        "series_id integer NOT NULL, count bigint, avg double precision, min double precision, max double precision, "
        "PRIMARY KEY (series_id, time))");
    work.exec(
        "CREATE VIEW plain.latest AS SELECT w.* FROM generate_series(1, 1000) s CROSS JOIN LATERAL (SELECT * FROM "
        "plain.minute m WHERE m.series_id = s ORDER BY time DESC LIMIT 1) w");
  }
  const double plain = store_plainly(load, connection);
  PostgresOptions options;
  options.connection = conninfo;
  options.user = "postgres";
  const double backlog = store_backlog(load, options, state);
  PostgresOptions daily = options;
  daily.schema = "partitioned";
  daily.partitions.days = 1;
  const double parts = store_backlog(load, daily, state);
  value(connection, "SELECT 1");
  {
    pqxx::nontransaction work(connection);
    work.exec("VACUUM ANALYZE");
  }
  const auto report = [&](const std::string& name, double took, const std::string& table) {
    std::cout << name << ": " << static_cast<long>(static_cast<double>(rows) / took) << " rows/s, "
              << sizes(connection, table, rows) << '\n';
  };
  report("plain table, COPY and upsert", plain, "plain.minute");
  print_queries(connection, load, "plain.minute", "plain.latest", "series_id = 500");
  report("edgetide, a backlog", backlog, "edgetide.minute_data");
  print_queries(connection, load, "edgetide.minute", "edgetide.minute_latest", "sensor_id = 'sensor-499'");
  report("edgetide, a backlog, partition_by = 1d", parts, "partitioned.minute_data");
  print_queries(connection, load, "partitioned.minute", "partitioned.minute_latest", "sensor_id = 'sensor-499'");
}

}  // namespace
}  // namespace edgetide::test

int main(int argc, char** argv) {
  const std::size_t rows = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 1'000'000;
  const std::string state =
      argc > 3 ? argv[3] : (std::filesystem::temp_directory_path() / "edgetide_postgres_bench").string();
  if (argc > 2) {
    edgetide::test::run(rows, argv[2], state);
  } else {
    edgetide::test::PostgresServer server;
    edgetide::test::run(rows, server.connection("postgres"), state);
  }
  std::filesystem::remove_all(state);
}
