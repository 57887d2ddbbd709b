// The PostgreSQL sink against a real server: what this kind of store must survive.
#include "sinks/postgres_sink.h"

#include <future>
#include <gmock/gmock.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "sinks/postgres_trial.h"
#include "tests/fakes/postgres_proxy.h"
#include "tests/sinks/batch_builder.h"
#include "tests/sinks/former_schemas.h"
#include "tests/sinks/outcome_matchers.h"
#include "tests/sinks/postgres_database.h"

namespace edgetide::test {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

class PostgresSinkTest : public testing::Test {
 protected:
  std::unique_ptr<Sink> sink(const PostgresOptions& options) {
    return make_postgres_sink(options, this_gateway(), minute_window());
  }
  std::unique_ptr<Sink> open_sink(const PostgresOptions& options) {
    auto made = sink(options);
    EXPECT_THAT(made->open(), IsDelivered());
    return made;
  }
  std::unique_ptr<Sink> open_sink() { return open_sink(database.options()); }

  // As the worker does, without its pauses.
  static void open_when_recovered(Sink& sink) {
    do {
      sink.close();
    } while (std::holds_alternative<RetryAfter>(sink.open()));
  }

  std::string stored() {
    return database.value(
        "SELECT coalesce(string_agg(sensor_id || '=' || count, ' ' ORDER BY sensor_id, time), '') FROM "
        "edgetide.minute");
  }

  // Changes whenever a row is written, even with what it holds already.
  std::string versions() { return database.value("SELECT string_agg(xmin::text, ' ') FROM edgetide.minute_data"); }

  const PostgresDatabase database;
  const RowBatch two_rows = batch(1, {{series("a"), 0, 1, {1, 1}}, {series("b"), 0, 1, {2, 2}}});
};

TEST_F(PostgresSinkTest, session_terminated_in_the_transaction_loses_nothing_and_doubles_nothing) {
  const auto sink = open_sink();
  TableLock lock(database, "edgetide.minute_data");
  auto outcome = std::async(std::launch::async, [&] { return sink->deliver(two_rows); });
  database.wait_for_session_waiting_for("Lock");
  database.terminate_sessions();
  EXPECT_THAT(outcome.get(), IsRetryAfter(Not(IsEmpty())));
  lock.release();
  EXPECT_EQ(stored(), "");
  sink->close();
  ASSERT_THAT(sink->open(), IsDelivered());
  EXPECT_EQ(stored_epoch(*sink), std::nullopt);
  EXPECT_THAT(sink->deliver(two_rows), IsDelivered());
  EXPECT_EQ(stored(), "a=1 b=2");
}

// The server ends all other sessions too and recovers by itself.
TEST_F(PostgresSinkTest, backend_killed_with_kill_9_in_the_transaction_loses_nothing_and_doubles_nothing) {
  const auto sink = open_sink();
  TableLock lock(database, "edgetide.minute_data");
  auto outcome = std::async(std::launch::async, [&] { return sink->deliver(two_rows); });
  database.wait_for_session_waiting_for("Lock");
  database.kill_sessions();
  EXPECT_THAT(outcome.get(), IsRetryAfter(Not(IsEmpty())));
  open_when_recovered(*sink);
  EXPECT_EQ(stored_epoch(*sink), std::nullopt);
  EXPECT_THAT(sink->deliver(two_rows), IsDelivered());
  EXPECT_EQ(stored(), "a=1 b=2");
}

TEST_F(PostgresSinkTest, server_killed_with_kill_9_and_started_again_gets_what_waited) {
  const auto sink = open_sink();
  ASSERT_THAT(sink->deliver(two_rows), IsDelivered());
  postgres_server().kill_postmaster();
  const RowBatch more = batch(2, {{series("c"), 0, 1, {3, 3}}});
  EXPECT_THAT(sink->deliver(more), IsRetryAfter(Not(IsEmpty())));
  postgres_server().start();
  open_when_recovered(*sink);
  EXPECT_EQ(stored_epoch(*sink), 1U);
  EXPECT_THAT(sink->deliver(more), IsDelivered());
  EXPECT_EQ(stored(), "a=1 b=2 c=3");
}

TEST_F(PostgresSinkTest, session_ended_between_two_deliveries_is_replaced) {
  const auto sink = open_sink();
  database.terminate_sessions();
  EXPECT_THAT(sink->deliver(two_rows), IsRetryAfter(Not(IsEmpty())));
  sink->close();
  ASSERT_THAT(sink->open(), IsDelivered());
  EXPECT_THAT(sink->deliver(two_rows), IsDelivered());
  EXPECT_EQ(stored(), "a=1 b=2");
}

// COMMIT waits for a standby that does not exist, with the rows already on the server's disk. The server begins with
// that some time later: COMMITs pass until then.
class ImaginaryStandby {
 public:
  explicit ImaginaryStandby(const PostgresDatabase& database) : database_(database) { set("'nosuch'"); }
  ~ImaginaryStandby() { set("''"); }

 private:
  void set(const std::string& names) const {
    database_.execute("ALTER SYSTEM SET synchronous_standby_names = " + names);
    database_.execute("SELECT pg_reload_conf()");
  }
  const PostgresDatabase& database_;
};

TEST_F(PostgresSinkTest, commit_that_waits_for_a_standby_and_loses_its_backend_is_found_by_its_epoch) {
  const auto sink = open_sink();
  RowBatch last = two_rows;
  {
    const ImaginaryStandby standby(database);
    std::future<Outcome> outcome;
    const auto waits = [&] {
      while (outcome.wait_for(std::chrono::seconds(0)) != std::future_status::ready) {
        if (database.has_session_waiting_for("SyncRep")) return true;
      }
      return false;
    };
    do {
      ++last.id.epoch;
      outcome = std::async(std::launch::async, [&] { return sink->deliver(last); });
    } while (!waits());
    database.terminate_sessions();
    EXPECT_THAT(outcome.get(), IsInDoubt());
  }
  sink->close();
  ASSERT_THAT(sink->open(), IsDelivered());
  EXPECT_EQ(stored_id(*sink), last.id);
  EXPECT_EQ(stored(), "a=1 b=2");
  const std::string written_once = versions();
  EXPECT_THAT(sink->deliver(last), IsDelivered());
  EXPECT_EQ(versions(), written_once);
}

class PostgresCutTest : public PostgresSinkTest {
 protected:
  PostgresOptions through_proxy() {
    PostgresOptions options = database.options();
    options.connection = "host=" + proxy.host() + " dbname=" + database.name();
    return options;
  }
  PostgresProxy proxy{postgres_server().host()};
};

TEST_F(PostgresCutTest, commit_that_happened_and_whose_answer_is_lost_is_found_by_its_epoch) {
  const auto sink = open_sink(through_proxy());
  proxy.arm(Cut::after_commit);
  EXPECT_THAT(sink->deliver(two_rows), IsInDoubt());
  sink->close();
  ASSERT_THAT(sink->open(), IsDelivered());
  EXPECT_EQ(stored_epoch(*sink), 1U);
  EXPECT_EQ(stored(), "a=1 b=2");
  const std::string written_once = versions();
  EXPECT_THAT(sink->deliver(two_rows), IsDelivered());
  EXPECT_EQ(versions(), written_once);
}

TEST_F(PostgresCutTest, commit_that_never_happened_is_delivered_again) {
  const auto sink = open_sink(through_proxy());
  proxy.arm(Cut::before_commit);
  EXPECT_THAT(sink->deliver(two_rows), IsInDoubt());
  sink->close();
  ASSERT_THAT(sink->open(), IsDelivered());
  EXPECT_EQ(stored_epoch(*sink), std::nullopt);
  EXPECT_THAT(sink->deliver(two_rows), IsDelivered());
  EXPECT_EQ(stored(), "a=1 b=2");
  EXPECT_EQ(stored_epoch(*sink), 1U);
}

TEST_F(PostgresCutTest, claim_in_doubt_is_made_again) {
  for (const Cut cut : {Cut::before_commit, Cut::after_commit}) {
    const auto claiming = sink(through_proxy());
    ASSERT_THAT(sink(database.options())->open(), IsDelivered());  // tables are there: the next COMMIT is the claim's
    proxy.arm(cut);
    EXPECT_THAT(claiming->open(), IsRetryAfter(Not(IsEmpty())));
    claiming->close();
    EXPECT_THAT(claiming->open(), IsDelivered());
    EXPECT_THAT(claiming->deliver(two_rows), IsDelivered());
  }
  EXPECT_EQ(stored(), "a=1 b=2");
}

TEST_F(PostgresSinkTest, server_that_was_stopped_and_started_again_gets_what_waited) {
  const auto sink = open_sink();
  postgres_server().stop();
  EXPECT_THAT(sink->deliver(two_rows), IsRetryAfter(Not(IsEmpty())));
  sink->close();
  EXPECT_THAT(sink->open(), IsRetryAfter(HasSubstr("server")));
  sink->close();
  postgres_server().start();
  ASSERT_THAT(sink->open(), IsDelivered());
  EXPECT_THAT(sink->deliver(two_rows), IsDelivered());
  EXPECT_EQ(stored(), "a=1 b=2");
}

TEST_F(PostgresSinkTest, server_that_crashed_and_recovered_has_its_epochs) {
  const auto sink = open_sink();
  ASSERT_THAT(sink->deliver(two_rows), IsDelivered());
  postgres_server().crash();
  const RowBatch more = batch(2, {{series("c"), 0, 1, {3, 3}}});
  EXPECT_THAT(sink->deliver(more), IsRetryAfter(Not(IsEmpty())));
  sink->close();
  postgres_server().start();
  ASSERT_THAT(sink->open(), IsDelivered());
  EXPECT_EQ(stored_epoch(*sink), 1U);
  EXPECT_THAT(sink->deliver(more), IsDelivered());
  EXPECT_EQ(stored(), "a=1 b=2 c=3");
}

TEST_F(PostgresSinkTest, row_that_does_not_fit_a_narrowed_column_is_rejected_alone) {
  const auto sink = open_sink();
  database.execute("DROP VIEW edgetide.minute, edgetide.minute_latest");
  database.execute("ALTER TABLE edgetide.minute_data ALTER count TYPE smallint, ALTER avg TYPE real");
  const RowBatch sent = batch(1, {{series("fits"), 0, 1, {32'767, 1.5}},
                                  {series("many"), 0, 1, {32'768, 1.5}},
                                  {series("wide"), 0, 1, {1, 1e300}}});
  const Outcome outcome = sink->deliver(sent);
  ASSERT_THAT(outcome, IsDelivered(SizeIs(2)));
  EXPECT_THAT(std::get<Delivered>(outcome).rejected[0].reason, HasSubstr("smallint out of range"));
  sink->close();
  ASSERT_THAT(sink->open(), IsDelivered());  // makes the views again
  EXPECT_EQ(stored(), "fits=32767");
}

TEST_F(PostgresSinkTest, content_that_the_server_takes_for_no_text_or_time_is_rejected_alone) {
  const auto sink = open_sink();
  using namespace std::string_literals;
  const RowBatch sent = batch(1, {{series("good"), 0, 1, {1, 1}},
                                  {series("nul\0inside"s), 0, 1, {1, 1}},
                                  {series("not utf-8 \xff"), 0, 1, {1, 1}},
                                  {series("label", "t", "", {{"k", "nul\0"s}}), 0, 1, {1, 1}},
                                  {series("before all time"), Timestamp::earliest().count(), 1, {1, 1}},
                                  {series("half"), 0, 1, {0.5, 1}},
                                  {series("huge"), 0, 1, {1e300, 1}},
                                  {series("last"), 0, 1, {2, 2}}});
  EXPECT_THAT(sink->deliver(sent), IsDelivered(SizeIs(6)));
  EXPECT_EQ(stored(), "good=1 last=2");
}

// A trigger of the user, on rows that are stored.
class PostgresTriggerTest : public PostgresSinkTest {
 protected:
  void run_for_each_row(const std::string& body) {
    database.execute("CREATE OR REPLACE FUNCTION look() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN " + body +
                     " RETURN NEW; END $$; CREATE OR REPLACE TRIGGER look BEFORE INSERT OR UPDATE ON "
                     "edgetide.minute_data FOR EACH ROW EXECUTE FUNCTION public.look()");
  }
  // As the worker does, without its pauses. The tries that it took.
  static unsigned deliver(Sink& sink, const RowBatch& batch, Outcome& outcome, unsigned most) {
    for (unsigned tries = 1;; ++tries) {
      outcome = sink.deliver(batch);
      if (!std::holds_alternative<RetryAfter>(outcome) || tries == most) return tries;
      sink.close();
      EXPECT_THAT(sink.open(), IsDelivered());
    }
  }
  const RowBatch mixed = batch(1, {{series("a"), 0, 1, {1, 1}},
                                   {series("bad"), 0, 1, {666, 1}},
                                   {series("bad"), 60'000'000, 1, {666, 1}},
                                   {series("c"), 0, 1, {3, 1}}});
};

TEST_F(PostgresTriggerTest, rows_that_are_refused_again_and_again_are_set_aside_whatever_the_code) {
  const char* const statements[] = {"RAISE 'no' USING ERRCODE = '54000';",
                                    "RAISE 'no' USING ERRCODE = 'XX000';",
                                    "RAISE 'no' USING ERRCODE = '40001';",
                                    "RAISE 'no' USING ERRCODE = '40P01';",
                                    "RAISE 'no' USING ERRCODE = '57014';",
                                    "RAISE 'no' USING ERRCODE = '53100';",
                                    "RAISE 'no' USING ERRCODE = '08006';",
                                    "RAISE 'no' USING ERRCODE = '40003';",
                                    "RAISE 'no' USING ERRCODE = '42501';",
                                    "RAISE 'no' USING ERRCODE = '0A000';",
                                    "RAISE 'no' USING ERRCODE = 'ZZ999';",
                                    "PERFORM 1 FROM nowhere;",
                                    "PERFORM nothing(1);"};
  std::uint64_t epoch = 0;
  const auto sink = open_sink();
  for (const char* statement : statements) {
    run_for_each_row("IF NEW.count = 666 THEN " + std::string(statement) + " END IF;");
    RowBatch next = mixed;
    next.id.epoch = ++epoch;
    Outcome outcome;
    EXPECT_EQ(deliver(*sink, next, outcome, 20), 4U) << statement;
    EXPECT_THAT(outcome, IsDelivered(SizeIs(2))) << statement;
    EXPECT_EQ(stored(), "a=1 c=3");
    database.execute("DELETE FROM edgetide.minute_data");
  }
}

TEST_F(PostgresTriggerTest, table_that_takes_no_row_loses_none_of_them) {
  const auto sink = open_sink();
  run_for_each_row("PERFORM 1 FROM helper;");  // a table that somebody has dropped
  Outcome outcome;
  deliver(*sink, mixed, outcome, 15);
  ASSERT_THAT(outcome, IsRetryAfter(HasSubstr("helper")));
  EXPECT_TRUE(std::get<RetryAfter>(outcome).needs_person);
  EXPECT_EQ(std::get<RetryAfter>(outcome).at_least, Duration::seconds(30));
  database.execute("CREATE TABLE helper (x int)");
  sink->close();
  ASSERT_THAT(sink->open(), IsDelivered());
  EXPECT_THAT(sink->deliver(mixed), IsDelivered());
  EXPECT_EQ(stored(), "a=1 bad=666 bad=666 c=3");
}

TEST_F(PostgresTriggerTest, row_that_is_refused_on_purpose_is_set_aside_in_the_end_though_no_other_row_is_there) {
  const auto sink = open_sink();
  run_for_each_row("RAISE 'no' USING ERRCODE = '54000';");
  Outcome outcome;
  EXPECT_EQ(deliver(*sink, batch(1, {{series("bad"), 0, 1, {666, 1}}}), outcome, 20), 11U);
  EXPECT_THAT(outcome, IsDelivered(SizeIs(1)));
}

TEST_F(PostgresTriggerTest, table_that_refuses_all_rows_of_several_series_keeps_them_waiting) {
  const auto sink = open_sink();
  run_for_each_row("RAISE 'closed for today';");
  RowBatch next = mixed;
  for (int tries = 0; tries < 15; ++tries) {
    const Outcome outcome = sink->deliver(next);
    ASSERT_THAT(outcome,
                IsRetryAfter(testing::AllOf(HasSubstr("every row of a delivery"), HasSubstr("closed for today"))));
    EXPECT_TRUE(std::get<RetryAfter>(outcome).needs_person);
    sink->close();
    ASSERT_THAT(sink->open(), IsDelivered());
  }
  run_for_each_row("IF NEW.count = 666 THEN RAISE 'no'; END IF;");
  EXPECT_THAT(sink->deliver(next), IsDelivered(SizeIs(2)));
  EXPECT_EQ(stored(), "a=1 c=3");
  for (int i = 0; i < 5; ++i) {
    const RowBatch bad = batch(++next.id.epoch, {{series("bad"), 0, 1, {666, 1}}});
    EXPECT_THAT(sink->deliver(bad), IsDelivered(SizeIs(1))) << "one series may be bad for ever";
  }
}

TEST_F(PostgresTriggerTest, condition_that_is_checked_at_the_commit_isolates_its_rows_too) {
  const auto sink = open_sink();
  database.execute(
      "CREATE FUNCTION late() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.count = 666 THEN RAISE 'no'; END IF; "
      "RETURN NULL; END $$; CREATE CONSTRAINT TRIGGER late AFTER INSERT ON edgetide.minute_data DEFERRABLE INITIALLY "
      "DEFERRED FOR EACH ROW EXECUTE FUNCTION public.late()");
  EXPECT_THAT(sink->deliver(mixed), IsDelivered(SizeIs(2)));
  EXPECT_EQ(stored(), "a=1 c=3");
}

TEST_F(PostgresSinkTest, row_that_waits_for_a_lock_too_long_is_tried_again) {
  PostgresOptions options = database.options();
  options.statement_timeout = Duration::milliseconds(100);
  auto sink = open_sink();
  sink = open_sink(options);
  {
    const TableLock lock(database, "edgetide.minute_data");
    EXPECT_THAT(sink->deliver(two_rows), IsRetryAfter(HasSubstr("timeout")));
  }
  sink->close();
  sink = open_sink();
  EXPECT_THAT(sink->deliver(two_rows), IsDelivered());
  EXPECT_EQ(stored(), "a=1 b=2");
}

TEST_F(PostgresSinkTest, interrupt_ends_a_delivery_that_waits) {
  const auto sink = open_sink();
  const TableLock lock(database, "edgetide.minute_data");
  auto outcome = std::async(std::launch::async, [&] { return sink->deliver(two_rows); });
  database.wait_for_session_waiting_for("Lock");
  sink->interrupt();
  EXPECT_THAT(outcome.get(), IsRetryAfter(Not(IsEmpty())));
}

TEST_F(PostgresSinkTest, server_that_never_answers_bounds_open_by_its_timeout) {
  std::string folder = (std::filesystem::temp_directory_path() / "edgetide-mute-XXXXXX").string();
  ASSERT_NE(mkdtemp(folder.data()), nullptr);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  (folder + "/.s.PGSQL.5432").copy(address.sun_path, sizeof address.sun_path - 1);
  const int mute = socket(AF_UNIX, SOCK_STREAM, 0);
  ASSERT_EQ(bind(mute, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(listen(mute, 8), 0);
  PostgresOptions options = database.options();
  options.connection = "host=" + folder + " dbname=x";
  options.connect_timeout = Duration::seconds(2);
  EXPECT_THAT(sink(options)->open(), IsRetryAfter(HasSubstr("timeout")));
  close(mute);
  std::filesystem::remove_all(folder);
}

TEST_F(PostgresSinkTest, missing_tables_are_named_when_it_may_not_create_them) {
  PostgresOptions options = database.options();
  options.create_tables = false;
  const auto made = sink(options);
  EXPECT_THAT(made->open(), IsRetryAfter(testing::AllOf(HasSubstr("minute_data"), HasSubstr("edgetide schema"))));
  database.execute(postgres_ddl("edgetide", minute_window()));
  made->close();
  EXPECT_THAT(made->open(), IsDelivered());
  database.execute("ALTER TABLE edgetide.minute_data DROP COLUMN avg CASCADE");
  made->close();
  EXPECT_THAT(made->open(), IsRetryAfter(testing::AllOf(HasSubstr("minute_data.avg"), HasSubstr("edgetide schema"))));
}

TEST_F(PostgresSinkTest, column_dropped_while_running_comes_back_with_the_next_open) {
  const auto sink = open_sink();
  ASSERT_THAT(sink->deliver(two_rows), IsDelivered());
  database.execute("ALTER TABLE edgetide.minute_data DROP COLUMN avg CASCADE");
  const RowBatch more = batch(2, {{series("c"), 0, 1, {3, 3}}});
  EXPECT_THAT(sink->deliver(more), IsRetryAfter(HasSubstr("avg")));
  sink->close();
  ASSERT_THAT(sink->open(), IsDelivered());
  EXPECT_THAT(sink->deliver(more), IsDelivered());
  EXPECT_EQ(stored(), "a=1 b=2 c=3");
}

TEST_F(PostgresSinkTest, role_that_may_only_write_rows_is_enough_when_the_tables_are_there) {
  database.execute(postgres_ddl("edgetide", minute_window()));
  database.execute(
      "DROP ROLE IF EXISTS writer; CREATE ROLE writer LOGIN; GRANT USAGE ON SCHEMA edgetide TO writer; "
      "GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA edgetide TO writer");
  PostgresOptions options = database.options();
  options.user = "writer";
  const auto sink = open_sink(options);
  EXPECT_THAT(sink->deliver(two_rows), IsDelivered());
  EXPECT_EQ(stored(), "a=1 b=2");
  const RowBatch gone = batch(2, {{series("a"), 0, 2, {null, null}, RowState::retracted}});
  const Outcome refused = sink->deliver(gone);
  ASSERT_THAT(refused, IsRetryAfter(HasSubstr("permission denied")));
  EXPECT_TRUE(std::get<RetryAfter>(refused).needs_person);
  database.execute("GRANT DELETE ON edgetide.minute_data TO writer");
  sink->close();
  ASSERT_THAT(sink->open(), IsDelivered());
  EXPECT_THAT(sink->deliver(gone), IsDelivered());
  EXPECT_EQ(stored(), "b=2");
  database.execute("DROP OWNED BY writer; DROP ROLE writer");
}

TEST_F(PostgresSinkTest, added_aggregate_keeps_the_grants_and_views_of_users) {
  open_sink()->close();
  database.execute(
      "DROP ROLE IF EXISTS reader; CREATE ROLE reader; GRANT SELECT ON edgetide.minute TO reader; "
      "CREATE VIEW public.mine AS SELECT time, avg FROM edgetide.minute");
  const auto wider = make_postgres_sink(database.options(), this_gateway(),
                                        {{"minute", {{"p95", false}, {"count", true}, {"avg", false}}}});
  EXPECT_THAT(wider->open(), IsDelivered());
  EXPECT_EQ(database.value("SELECT has_table_privilege('reader', 'edgetide.minute', 'SELECT')"), "t");
  EXPECT_THAT(database.query("SELECT * FROM public.mine"), IsEmpty());
  database.execute("DROP OWNED BY reader; DROP ROLE reader");
}

TEST_F(PostgresSinkTest, password_of_any_characters_logs_in_and_never_shows) {
  const std::string password = R"(p'a"ss \w=ör d%20@/:)";
  std::string literal;
  for (const char c : password) literal += c == '\'' ? "''" : std::string(1, c);
  database.execute("CREATE ROLE guarded LOGIN PASSWORD '" + literal + "'; GRANT CREATE ON DATABASE " + database.name() +
                   " TO guarded");
  PostgresOptions options = database.options();
  options.user = "guarded";
  options.password = password;
  EXPECT_THAT(sink(options)->open(), IsDelivered());
  options.connection = "postgresql:///" + database.name() + "?host=" + postgres_server().host();
  EXPECT_THAT(sink(options)->open(), IsDelivered());
  options.password = "wrong'" + password;
  EXPECT_THAT(sink(options)->open(),
              IsRetryAfter(testing::AllOf(HasSubstr("authentication"), Not(HasSubstr("wrong")))));
  database.execute("DROP OWNED BY guarded; DROP ROLE guarded");
}

TEST_F(PostgresSinkTest, invalid_connection_string_stops_it) {
  PostgresOptions options = database.options();
  for (const char* text : {"hots=x", "just words", "postgresql://[::1", "host='x"}) {
    options.connection = text;
    EXPECT_THAT(sink(options)->open(), IsStopped(HasSubstr("connection"))) << text;
  }
}

TEST_F(PostgresSinkTest, schema_of_any_name_works) {
  PostgresOptions options = database.options();
  options.schema = R"(We "like" schema's $window)";
  const auto sink = open_sink(options);
  EXPECT_THAT(sink->deliver(two_rows), IsDelivered());
  EXPECT_EQ(database.value(R"(SELECT count(*) FROM "We ""like"" schema's $window".minute)"), "2");
}

TEST_F(PostgresSinkTest, read_only_server_is_waited_for) {
  const auto sink = open_sink();
  database.execute("ALTER DATABASE " + database.name() + " SET default_transaction_read_only = on");
  sink->close();
  EXPECT_THAT(sink->open(), IsRetryAfter(HasSubstr("read-only")));
  database.execute("BEGIN READ WRITE; ALTER DATABASE " + database.name() +
                   " RESET default_transaction_read_only; COMMIT");
  sink->close();
  ASSERT_THAT(sink->open(), IsDelivered());
  EXPECT_THAT(sink->deliver(two_rows), IsDelivered());
}

TEST_F(PostgresSinkTest, commits_are_synchronous_even_where_the_server_says_off) {
  database.execute("ALTER DATABASE " + database.name() + " SET synchronous_commit = off");
  const auto sink = open_sink();
  database.execute(
      "CREATE TABLE seen (setting text); "
      "CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS "
      "$$ BEGIN INSERT INTO seen VALUES (current_setting('synchronous_commit')); RETURN NEW; END $$; "
      "CREATE TRIGGER note BEFORE INSERT ON edgetide.minute_data FOR EACH ROW EXECUTE FUNCTION public.note()");
  ASSERT_THAT(sink->deliver(batch(1, {{series("a"), 0, 1, {1, 1}}})), IsDelivered());
  EXPECT_EQ(database.value("SELECT setting FROM seen"), "on");
}

TEST_F(PostgresSinkTest, values_keep_their_last_bit) {
  const auto sink = open_sink();
  ASSERT_THAT(sink->deliver(batch(1, {{series("a"), 0, 1, {1, -0.0}}, {series("b"), 0, 1, {1, 0.1 + 0.2}}})),
              IsDelivered());
  EXPECT_EQ(
      database.value("SELECT string_agg(encode(float8send(avg), 'hex'), ' ' ORDER BY sensor_id) FROM edgetide.minute"),
      "8000000000000000 3fd3333333333334");
}

TEST_F(PostgresSinkTest, view_answers_what_grafana_asks) {
  const auto sink = open_sink();
  ASSERT_THAT(sink->deliver(two_rows), IsDelivered());
  EXPECT_EQ(database.value("SELECT string_agg(sensor_id, ' ') FROM (SELECT time, avg, sensor_id FROM edgetide.minute "
                           "WHERE time BETWEEN '1969-12-31T23:59:00Z' AND '1970-01-01T01:00:00Z' AND metric = 't' "
                           "ORDER BY time, sensor_id) panel"),
            "a b");
}

TEST_F(PostgresSinkTest, tables_of_the_first_version_are_brought_to_the_present_one_with_their_rows) {
  database.execute(postgres_version_1);
  const auto upgraded = open_sink();
  EXPECT_EQ(stored_epoch(*upgraded), 7U);
  EXPECT_EQ(stored(), "s=3");
  EXPECT_EQ(database.value("SELECT string_agg(part || '=' || version, ' ' ORDER BY part) FROM edgetide.schema_version"),
            "=3 minute=3");
  ASSERT_THAT(upgraded->deliver(batch(8, {{series("s"), 0, 3, {4, 0.5}}})), IsDelivered());
  EXPECT_EQ(stored(), "s=4");
}

TEST_F(PostgresSinkTest, upgrade_that_fails_leaves_all_as_it_was) {
  database.execute(postgres_version_1);
  database.execute("ALTER TABLE edgetide.minute_data RENAME COLUMN time_end TO ended");  // a view names it
  EXPECT_THAT(sink(database.options())->open(), IsRetryAfter(Not(IsEmpty())));
  EXPECT_EQ(database.value("SELECT (to_regclass('edgetide.schema_version') IS NULL)::text"), "true");
}

TEST_F(PostgresSinkTest, tables_of_a_newer_version_are_left_alone) {
  open_sink()->close();
  for (const char* part : {"", "minute"}) {
    database.execute("UPDATE edgetide.schema_version SET version = 9 WHERE part = '" + std::string(part) + "'");
    const Outcome outcome = sink(database.options())->open();
    EXPECT_THAT(outcome, IsRetryAfter(testing::AllOf(HasSubstr("version 9"), HasSubstr("newer edgetide"))));
    EXPECT_TRUE(std::get<RetryAfter>(outcome).needs_person);
    database.execute("UPDATE edgetide.schema_version SET version = 3");
  }
  open_sink();
}

TEST_F(PostgresSinkTest, printed_roles_may_write_and_read_and_no_more) {
  database.execute(postgres_ddl("edgetide", minute_window()));
  database.execute(
      "CREATE ROLE edge_1 LOGIN IN ROLE edgetide_writer; CREATE ROLE looker LOGIN IN ROLE edgetide_reader");
  PostgresOptions options = database.options();
  options.user = "edge_1";
  ASSERT_THAT(open_sink(options)->deliver(two_rows), IsDelivered());
  const auto as_reader = [&](const std::string& sql) { database.execute("SET ROLE looker; " + sql); };
  EXPECT_NO_THROW(as_reader("SELECT * FROM edgetide.minute, edgetide.minute_latest, edgetide.series"));
  EXPECT_ANY_THROW(as_reader("DELETE FROM edgetide.minute_data"));
  EXPECT_ANY_THROW(database.execute("SET ROLE edge_1; DROP TABLE edgetide.minute_data"));
  database.execute("DROP ROLE edge_1; DROP ROLE looker");
}

TEST_F(PostgresSinkTest, tables_views_and_columns_have_comments) {
  open_sink();
  EXPECT_EQ(
      database.value("SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE nspname "
                     "= 'edgetide' AND relkind IN ('r', 'v') AND obj_description(c.oid) IS NULL"),
      "0");
  EXPECT_EQ(database.value("SELECT col_description('edgetide.minute'::regclass, attnum) FROM pg_attribute WHERE "
                           "attrelid = 'edgetide.minute'::regclass AND attname = 'time'"),
            "start of the window");
}

TEST_F(PostgresSinkTest, latest_reads_one_row_of_each_series_however_many_there_are) {
  open_sink();
  database.execute(
      "INSERT INTO edgetide.series (gateway, sensor_id, metric) SELECT 'gw', 's' || i, 't' FROM generate_series(1, 50) "
      "i; "
      "INSERT INTO edgetide.minute_data (time, series_id, state, is_final, revision, epoch, state_id, count, avg) "
      "SELECT "
      "to_timestamp(i * 60), series_id, 'final', true, 1, 1, 1, 1, i FROM edgetide.series, generate_series(1, 2000) i; "
      "ANALYZE");
  for (const char* query : {"SELECT * FROM edgetide.minute_latest",
                            "SELECT time, avg FROM edgetide.minute_latest WHERE "
                            "sensor_id = 's7'"}) {
    std::string plan;
    for (const auto& line : database.query(std::string("EXPLAIN ") + query)) plan += *line[0] + '\n';
    EXPECT_THAT(plan, Not(HasSubstr("Seq Scan on minute_data")));
    EXPECT_THAT(plan, HasSubstr("minute_data_pkey"));
  }
  EXPECT_EQ(database.value("SELECT count(*) || ' ' || min(avg) FROM edgetide.minute_latest"), "50 2000");
}

TEST_F(PostgresSinkTest, check_says_what_stands_in_the_way) {
  const auto fault = [&](const std::function<void(PostgresOptions&)>& change) {
    PostgresOptions options = database.options();
    change(options);
    return fault_of_postgres(options, minute_window());
  };
  const auto as_stranger = [](PostgresOptions& options) { options.user = "stranger"; };
  database.execute("CREATE ROLE stranger LOGIN");
  database.execute("CREATE ROLE guarded LOGIN PASSWORD 'right'");
  EXPECT_EQ(fault([](PostgresOptions&) {}), "");
  EXPECT_THAT(fault([](PostgresOptions& options) { options.create_tables = false; }), HasSubstr("edgetide schema"));
  EXPECT_THAT(fault(as_stranger), HasSubstr("user stranger may not create schema edgetide"));
  EXPECT_THAT(fault([](PostgresOptions& options) { options.connection += " port=1"; }), HasSubstr("No such file"));
  EXPECT_THAT(
      fault([&](PostgresOptions& options) { options.connection = "host=" + postgres_server().host() + " dbname=no"; }),
      HasSubstr("database \"no\" does not exist"));
  const std::string refused = fault([](PostgresOptions& options) {
    options.user = "guarded";
    options.password = "wrong";
  });
  EXPECT_THAT(refused, testing::AllOf(HasSubstr("password authentication failed"), Not(HasSubstr("wrong"))));
  open_sink();
  EXPECT_EQ(fault([](PostgresOptions&) {}), "");
  EXPECT_THAT(fault(as_stranger), HasSubstr("permission denied for schema edgetide"));
  database.execute("GRANT USAGE ON SCHEMA edgetide TO stranger");
  EXPECT_THAT(fault(as_stranger), HasSubstr("lacks rights in schema edgetide: SELECT on minute_data"));
  database.execute("REVOKE USAGE ON SCHEMA edgetide FROM stranger; DROP ROLE stranger; DROP ROLE guarded");
}

}  // namespace
}  // namespace edgetide::test
