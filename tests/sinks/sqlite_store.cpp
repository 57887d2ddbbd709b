#include "sinks/sqlite_sink.h"
#include "tests/sinks/sqlite_file.h"
#include "tests/sinks/store.h"

namespace edgetide::test {

namespace {

std::optional<std::string> text_of(sqlite3_stmt* row, int column) {
  const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(row, column));
  return text == nullptr ? std::nullopt : std::optional(std::string(text));
}

class SqliteStore final : public Store {
 public:
  std::unique_ptr<Sink> sink(const std::vector<WindowSchema>& inputs, const SinkIdentity& identity) override {
    return make_sqlite_sink({file_.path(), Duration::seconds(60)}, identity, inputs);
  }
  std::string ddl(const std::vector<WindowSchema>& inputs) const override { return sqlite_ddl(inputs); }
  void execute(const std::string& sql) override {
    file_.each_row(sql, [](sqlite3_stmt*) {});
  }
  std::vector<std::vector<std::optional<std::string>>> query(const std::string& sql) override;
  void refuse_counts_above(int limit) override {
    execute("CREATE TRIGGER too_many BEFORE INSERT ON minute_data WHEN NEW.count > " + std::to_string(limit) +
            " BEGIN SELECT RAISE(ABORT, 'too many'); END");
  }
  void refuse_deletes_of_counts_above(int limit) override {
    execute("CREATE TRIGGER keep BEFORE DELETE ON minute_data WHEN OLD.count > " + std::to_string(limit) +
            " BEGIN SELECT RAISE(ABORT, 'kept'); END");
  }
  void skip(const std::string& operation, const std::string& table, const std::string& condition) override {
    execute("CREATE TRIGGER skip_" + table + operation + " BEFORE " + operation + " ON " + table + " WHEN " +
            condition + " BEGIN SELECT RAISE(IGNORE); END");
  }
  std::vector<StoredRow> rows(const WindowSchema& window) override;
  std::string prefix() const override { return ""; }

 private:
  SqliteFile file_;
};

std::vector<std::vector<std::optional<std::string>>> SqliteStore::query(const std::string& sql) {
  std::vector<std::vector<std::optional<std::string>>> rows;
  file_.each_row(sql, [&](sqlite3_stmt* row) {
    auto& texts = rows.emplace_back();
    for (int i = 0; i < sqlite3_column_count(row); ++i) texts.push_back(text_of(row, i));
  });
  return rows;
}

std::vector<StoredRow> SqliteStore::rows(const WindowSchema& window) {
  std::string sql = "SELECT gateway, sensor_id, metric, unit, labels, time, time_end, state, is_final, revision, epoch";
  for (const Column& column : window.columns) sql += ", \"" + column.name + '"';
  sql += " FROM \"" + window.name + "_data\" JOIN series USING (series_id) ORDER BY gateway, sensor_id, metric, time";
  std::vector<StoredRow> rows;
  file_.each_row(sql, [&](sqlite3_stmt* row) {
    StoredRow& stored = rows.emplace_back(StoredRow{*text_of(row, 0),
                                                    *text_of(row, 1),
                                                    *text_of(row, 2),
                                                    *text_of(row, 3),
                                                    *text_of(row, 4),
                                                    sqlite3_column_int64(row, 5),
                                                    sqlite3_column_int64(row, 6),
                                                    *text_of(row, 7),
                                                    sqlite3_column_int64(row, 8) != 0,
                                                    sqlite3_column_int64(row, 9),
                                                    static_cast<std::uint64_t>(sqlite3_column_int64(row, 10)),
                                                    {}});
    for (int i = 11; i < sqlite3_column_count(row); ++i) {
      const bool is_null = sqlite3_column_type(row, i) == SQLITE_NULL;
      stored.values.push_back(is_null ? std::nullopt : std::optional(sqlite3_column_double(row, i)));
    }
  });
  return rows;
}

}  // namespace

std::unique_ptr<Store> make_sqlite_store() {
  return std::make_unique<SqliteStore>();
}

}  // namespace edgetide::test
