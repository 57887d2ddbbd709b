#include <cstdlib>

#include "tests/sinks/postgres_database.h"
#include "tests/sinks/store.h"

namespace edgetide::test {

namespace {

class PostgresStore final : public Store {
 public:
  std::unique_ptr<Sink> sink(const std::vector<WindowSchema>& inputs, const SinkIdentity& identity) override {
    return make_postgres_sink(database_.options(), identity, inputs);
  }
  std::string ddl(const std::vector<WindowSchema>& inputs) const override { return postgres_ddl("edgetide", inputs); }
  void execute(const std::string& sql) override { database_.execute(sql); }
  TextRows query(const std::string& sql) override { return database_.query(sql); }
  void refuse_counts_above(int limit) override {
    execute("ALTER TABLE edgetide.minute_data ADD CHECK (count <= " + std::to_string(limit) + ")");
  }
  void refuse_deletes_of_counts_above(int limit) override {
    execute(
        "CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'kept'; END $$; "
        "CREATE TRIGGER keep BEFORE DELETE ON edgetide.minute_data FOR EACH ROW WHEN (OLD.count > " +
        std::to_string(limit) + ") EXECUTE FUNCTION keep()");
  }
  void skip(const std::string& operation, const std::string& table, const std::string& condition) override {
    execute(
        "CREATE OR REPLACE FUNCTION skip() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$; "
        "CREATE TRIGGER skip_" +
        table + operation + " BEFORE " + operation + " ON edgetide." + table + " FOR EACH ROW WHEN (" + condition +
        ") EXECUTE FUNCTION skip()");
  }
  std::vector<StoredRow> rows(const WindowSchema& window) override;
  std::string prefix() const override { return "edgetide."; }

 private:
  PostgresDatabase database_;
};

std::vector<StoredRow> PostgresStore::rows(const WindowSchema& window) {
  // numeric arithmetic, so exact
  std::string sql =
      "SELECT gateway, sensor_id, metric, unit, labels, (extract(epoch FROM time) * 1000000)::bigint, "
      "(extract(epoch FROM time_end) * 1000000)::bigint, state, is_final, revision, epoch";
  for (const Column& column : window.columns) sql += ", \"" + column.name + '"';
  sql += " FROM edgetide.\"" + window.name + "\" ORDER BY gateway, sensor_id, metric, time";
  std::vector<StoredRow> rows;
  for (const auto& row : query(sql)) {
    StoredRow& stored = rows.emplace_back(StoredRow{*row[0],
                                                    *row[1],
                                                    *row[2],
                                                    *row[3],
                                                    *row[4],
                                                    std::stoll(*row[5]),
                                                    std::stoll(*row[6]),
                                                    *row[7],
                                                    *row[8] == "t",
                                                    std::stoll(*row[9]),
                                                    std::stoull(*row[10]),
                                                    {}});
    for (std::size_t i = 11; i < row.size(); ++i) {
      stored.values.push_back(row[i] ? std::optional(std::strtod(row[i]->c_str(), nullptr)) : std::nullopt);
    }
  }
  return rows;
}

}  // namespace

std::unique_ptr<Store> make_postgres_store() {
  return std::make_unique<PostgresStore>();
}

}  // namespace edgetide::test
