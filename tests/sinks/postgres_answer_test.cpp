// The PostgreSQL sink against a server that lies: every wrong answer is an error of that delivery, with a reason.
#include <atomic>
#include <chrono>
#include <gmock/gmock.h>
#include <malloc.h>
#include <sys/socket.h>
#include <thread>

#include "daemon/service/descriptor.h"
#include "daemon/service/library_reads.h"
#include "sinks/postgres_trial.h"
#include "sinks/scram_limit.h"
#include "tests/sinks/batch_builder.h"
#include "tests/sinks/lying_postgres.h"
#include "tests/sinks/outcome_matchers.h"

namespace edgetide::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

using Types = std::vector<unsigned>;
constexpr unsigned bigint = 20, of_text = 25, boolean = 16;
const Types two_bigints = {bigint, bigint};
const Types found_series = {bigint, bigint, bigint};
const Types state_types = {bigint, bigint, bigint, bigint, bigint, of_text, bigint};

RowBatch two_rows() {
  return batch(1, {{series("a"), 0, 1, {1, 1}}, {series("b"), 0, 1, {2, 2}}});
}

struct Lie {
  const char* name;
  Asked about;
  PgReply reply;
  const char* reason;
};

TEST(PostgresAnswer, honest_answers_are_delivered) {
  LyingPostgres server(minute_window());
  const auto sink = make_postgres_sink(server.options(), this_gateway(), minute_window());
  ASSERT_THAT(sink->open(), IsDelivered());
  EXPECT_THAT(sink->deliver(two_rows()), IsDelivered());
  EXPECT_EQ(server.stored(), 1);
}

const Lie lies_at_a_delivery[] = {
    {"position -1", Asked::find_series, {found_series, {{"-1", "11", "0"}}}, "column 1 is out of range"},
    {"position 0", Asked::find_series, {found_series, {{"0", "11", "0"}}}, "column 1 is out of range"},
    {"position after the last", Asked::find_series, {found_series, {{"3", "11", "0"}}}, "column 1 is out of range"},
    {"position 2^31", Asked::find_series, {found_series, {{"2147483648", "11", "0"}}}, "column 1 is out of range"},
    {"position 2^64", Asked::find_series, {found_series, {{"18446744073709551616", "11", "0"}}}, "is out of range"},
    {"position twice", Asked::find_series, {found_series, {{"1", "11", "0"}, {"1", "12", "0"}}}, "comes twice"},
    {"two with one id", Asked::find_series, {found_series, {{"1", "11", "0"}, {"2", "11", "0"}}}, "have the same id"},
    {"id 0", Asked::find_series, {found_series, {{"1", "0", "0"}, {"2", "12", "0"}}}, "column 2 is out of range"},
    {"word", Asked::find_series, {found_series, {{"one", "11", "0"}}}, "column 1 is not a number"},
    {"number and more", Asked::find_series, {found_series, {{"1", "11x", "0"}}}, "column 2 is not a number"},
    {"hexadecimal", Asked::find_series, {found_series, {{"1", "0x11", "0"}}}, "column 2 is not a number"},
    {"empty", Asked::find_series, {found_series, {{"", "11", "0"}}}, "column 1 is not a number"},
    {"blank", Asked::find_series, {found_series, {{" 1", "11", "0"}}}, "column 1 is not a number"},
    {"NUL", Asked::find_series, {found_series, {{std::string("1\0", 2), "11", "0"}}}, "column 1 is not a number"},
    {"NULL", Asked::find_series, {found_series, {{"1", std::nullopt, "0"}}}, "column 2 is NULL"},
    {"too many rows",
     Asked::find_series,
     {found_series, {{"1", "1", "0"}, {"2", "2", "0"}, {"2", "3", "0"}}},
     "3 rows, at most 2"},
    {"labels that are neither equal nor not",
     Asked::find_series,
     {found_series, {{"1", "11", "2"}}},
     "column 3 is out of range"},
    {"one column", Asked::find_series, {{bigint}, {{"1"}}}, "1 columns, 3 were expected"},
    {"four columns", Asked::find_series, {{bigint, bigint, bigint, of_text}, {{"1", "11", "0", "x"}}}, "4 columns, 3"},
    {"another type",
     Asked::find_series,
     {{bigint, of_text, bigint}, {{"1", "11", "0"}}},
     "column 2 is not of an integer type"},
    {"no series after all", Asked::find_series, {found_series, {}}, "is not there though it was added"},
    {"no columns", Asked::find_series, {{}, {}, "SELECT 0"}, "is not there though it was added"},
    {"more rows changed", Asked::insert, {{}, {}, "INSERT 0 3"}, "3 rows changed, 0 to 2 were expected"},
    {"2^64 rows changed", Asked::insert, {{}, {}, "INSERT 0 99999999999999999999"}, "rows changed"},
    {"no epoch", Asked::epoch, {{}, {}, "UPDATE 0"}, "0 rows changed, 1 were expected"},
    {"two epochs", Asked::epoch, {{}, {}, "UPDATE 2"}, "2 rows changed"},
    {"negative epoch", Asked::state, {state_types, {{"1", "1", "-1", "7", "0", "", "0"}}}, "column 3 is out of range"},
    {"two states", Asked::state, {state_types, {{"1"}, {"1"}}}, ""},
    {"state of NULLs", Asked::state, {state_types, {std::vector<std::optional<std::string>>(7)}}, "is NULL"},
    {"time without end",
     Asked::state,
     {state_types, {{"1", "0", "0", "7", "9223372036854775807", "", "0"}}},
     "column 5 is out of range"},
    {"megabyte of name",
     Asked::state,
     {state_types, {{"1", "0", "0", "7", "0", std::string(100'000, 'x'), "0"}}},
     "has 100000 bytes"},
    {"boolean for a number",
     Asked::state,
     {{boolean, bigint, bigint, bigint, bigint, of_text, bigint}, {{"t", "0", "0", "7", "0", "", "0"}}},
     "is not of an integer type"},
};

TEST(PostgresAnswer, lie_at_a_delivery_is_an_error_and_stores_no_row) {
  for (const Lie& lie : lies_at_a_delivery) {
    SCOPED_TRACE(lie.name);
    LyingPostgres server(minute_window());
    const auto sink = make_postgres_sink(server.options(), this_gateway(), minute_window());
    ASSERT_THAT(sink->open(), IsDelivered());
    const int committed = server.committed();
    sink->close();
    server.lie(lie.about, lie.reply);
    // The claim asks for the state as well.
    const Outcome outcome = lie.about == Asked::state ? sink->open() : (sink->open(), sink->deliver(two_rows()));
    EXPECT_THAT(outcome, IsRetryAfter(HasSubstr(lie.reason)));
    EXPECT_EQ(server.stored(), lie.about == Asked::insert || lie.about == Asked::epoch ? 1 : 0);
    EXPECT_LE(server.committed(), committed + 2);  // those of the claim and of the tables, none of the rows
    server.tell_the_truth();
    sink->close();
    ASSERT_THAT(sink->open(), IsDelivered());
    EXPECT_THAT(sink->deliver(two_rows()), IsDelivered());
  }
}

TEST(PostgresAnswer, lie_about_rows_that_were_skipped_is_an_error_and_commits_no_row) {
  const Lie lies[] = {
      {"position 0", Asked::skipped, {{bigint}, {{"0"}}}, "column 1 is out of range"},
      {"position after the last", Asked::skipped, {{bigint}, {{"3"}}}, "column 1 is out of range"},
      {"more than were not changed", Asked::skipped, {{bigint}, {{"1"}, {"2"}}}, "2 rows, at most 1"},
      {"NULL", Asked::skipped, {{bigint}, {{std::nullopt}}}, "is NULL"},
      {"text", Asked::skipped, {{of_text}, {{"1"}}}, "is not of an integer type"},
      {"two columns", Asked::skipped, {two_bigints, {{"1", "1"}}}, "2 columns, 1"},
  };
  for (const Lie& lie : lies) {
    SCOPED_TRACE(lie.name);
    LyingPostgres server(minute_window());
    server.lie(Asked::insert, {{}, {}, "INSERT 0 1"});
    server.lie(lie.about, lie.reply);
    const auto sink = make_postgres_sink(server.options(), this_gateway(), minute_window());
    ASSERT_THAT(sink->open(), IsDelivered());
    const int committed = server.committed();
    EXPECT_THAT(sink->deliver(two_rows()), IsRetryAfter(HasSubstr(lie.reason)));
    EXPECT_EQ(server.committed(), committed);
    server.lie(lie.about, {{bigint}, {{"2"}}});
    sink->close();
    ASSERT_THAT(sink->open(), IsDelivered());
    EXPECT_THAT(sink->deliver(two_rows()), IsDelivered(testing::SizeIs(1)));
  }
}

TEST(PostgresAnswer, lie_at_the_start_is_an_error) {
  const Lie lies[] = {
      {"claim without a row", Asked::claim, {{bigint}, {}, "INSERT 0 0"}, "0 rows, at least 1"},
      {"claim -1", Asked::claim, {{bigint}, {{"-1"}}}, "is out of range"},
      {"claim at the end of numbers", Asked::claim, {{bigint}, {{"9223372036854775807"}}}, "is out of range"},
      {"claim NULL", Asked::claim, {{bigint}, {{std::nullopt}}}, "is NULL"},
      {"claim of two columns", Asked::claim, {two_bigints, {{"1", "2"}}}, "2 columns, 1"},
      {"tables of one column", Asked::tables, {{of_text}, {{"series"}}}, "1 columns, 2"},
      {"tables of numbers", Asked::tables, {two_bigints, {{"1", "2"}}}, "is not of a text type"},
      {"table NULL", Asked::tables, {{of_text, of_text}, {{std::nullopt, "x"}}}, "is NULL"},
      {"long name", Asked::tables, {{of_text, of_text}, {{std::string(10'000, 'x'), "x"}}}, "has 10000 bytes"},
      {"NUL in a name", Asked::tables, {{of_text, of_text}, {{std::string("a\0b", 3), "x"}}}, "has a NUL byte"},
  };
  for (const Lie& lie : lies) {
    SCOPED_TRACE(lie.name);
    LyingPostgres server(minute_window());
    server.lie(lie.about, lie.reply);
    const auto sink = make_postgres_sink(server.options(), this_gateway(), minute_window());
    EXPECT_THAT(sink->open(), IsRetryAfter(HasSubstr(lie.reason)));
  }
}

// To read a value of it is to read through a null pointer. libpq does, in answers to its own questions.
TEST(PostgresAnswer, row_without_columns_is_an_error_whatever_was_asked) {
  const PgReply no_columns = {{}, {{}}, "SELECT 1"};
  for (const Asked about :
       {Asked::read_only, Asked::tables, Asked::versions, Asked::state, Asked::claim, Asked::find_series}) {
    LyingPostgres server(minute_window());
    server.lie(about, no_columns);
    const auto sink = make_postgres_sink(server.options(), this_gateway(), minute_window());
    Outcome outcome = sink->open();
    if (std::holds_alternative<Delivered>(outcome)) outcome = sink->deliver(two_rows());
    EXPECT_THAT(outcome, IsRetryAfter(HasSubstr("0 columns, "))) << static_cast<int>(about);
    EXPECT_EQ(server.stored(), 0) << static_cast<int>(about);
  }
  for (const Asked about : {Asked::read_only, Asked::tables, Asked::standby, Asked::rights}) {
    LyingPostgres server(minute_window());
    server.lie(about, no_columns);
    EXPECT_THAT(fault_of_postgres(server.options(), minute_window()), HasSubstr("0 columns, "))
        << static_cast<int>(about);
  }
}

TEST(PostgresAnswer, series_of_an_earlier_delivery_lends_its_id_to_no_other) {
  LyingPostgres server(minute_window());
  const auto sink = make_postgres_sink(server.options(), this_gateway(), minute_window());
  ASSERT_THAT(sink->open(), IsDelivered());
  ASSERT_THAT(sink->deliver(two_rows()), IsDelivered());
  server.lie(Asked::find_series, {found_series, {{"1", "11", "0"}}});
  const RowBatch third = batch(2, {{series("c"), 0, 1, {1, 1}}});
  EXPECT_THAT(sink->deliver(third), IsRetryAfter(HasSubstr("have the same id")));
  EXPECT_EQ(server.stored(), 1);
}

TEST(PostgresAnswer, two_objects_of_one_series_share_its_id) {
  LyingPostgres server(minute_window());
  server.lie(Asked::find_series, {found_series, {{"1", "11", "0"}, {"2", "11", "0"}}});
  const auto sink = make_postgres_sink(server.options(), this_gateway(), minute_window());
  ASSERT_THAT(sink->open(), IsDelivered());
  EXPECT_THAT(sink->deliver(batch(1, {{series("a"), 0, 1, {1, 1}}, {series("a"), 60'000'000, 1, {2, 2}}})),
              IsDelivered());
}

TEST(PostgresAnswer, server_that_stops_in_the_middle_of_an_answer_is_left) {
  for (const Asked about : {Asked::claim, Asked::find_series, Asked::epoch}) {
    LyingPostgres server(minute_window());
    server.lie(about, {.bytes = std::string("T\0\0\0\x40\0", 6), .then = PgReply::Then::silence});
    PostgresOptions options = server.options();
    options.statement_timeout = Duration::milliseconds(250);
    const auto sink = make_postgres_sink(options, this_gateway(), minute_window());
    std::atomic<bool> returned = false;
    std::thread caller([&] {
      Outcome outcome = sink->open();
      if (std::holds_alternative<Delivered>(outcome)) outcome = sink->deliver(two_rows());
      EXPECT_THAT(outcome, IsRetryAfter(HasSubstr("stopped in the middle of an answer")));
      returned = true;
    });
    while (!returned) {
      sink->end_silence();
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    caller.join();
    EXPECT_EQ(server.committed(), about == Asked::claim ? 0 : 1) << "the claim alone";
    server.tell_the_truth();
    sink->close();
    ASSERT_THAT(sink->open(), IsDelivered());
    EXPECT_THAT(sink->deliver(two_rows()), IsDelivered());
  }
}

// libpqxx asks its first questions while it makes the connection.
TEST(PostgresAnswer, server_that_stops_behind_the_login_is_left) {
  LyingPostgres server(minute_window());
  server.stall_behind_login(true);
  PostgresOptions options = server.options();
  options.statement_timeout = Duration::milliseconds(250);
  const auto sink = make_postgres_sink(options, this_gateway(), minute_window());
  std::atomic<bool> returned = false;
  std::thread caller([&] {
    EXPECT_THAT(sink->open(), IsRetryAfter(HasSubstr("stopped in the middle of an answer")));
    returned = true;
  });
  while (!returned) {
    sink->end_silence();
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  caller.join();
  server.stall_behind_login(false);
  sink->close();
  EXPECT_THAT(sink->open(), IsDelivered());
}

TEST(PostgresAnswer, answer_without_end_is_left_before_it_takes_the_memory) {
  const std::string huge = std::string("D\x3f\xff\xff\xff", 5) + std::string(64 << 20, 'x');
  for (const Asked about : {Asked::tables, Asked::claim, Asked::find_series, Asked::epoch}) {
    LyingPostgres server(minute_window());
    server.lie(about, {.bytes = huge, .then = PgReply::Then::silence});
    const auto sink = make_postgres_sink(server.options(), this_gateway(), minute_window());
    Outcome outcome = sink->open();
    if (std::holds_alternative<Delivered>(outcome)) outcome = sink->deliver(two_rows());
    EXPECT_THAT(outcome, IsRetryAfter(HasSubstr("answer is larger than 8 MiB")));
    server.tell_the_truth();
    sink->close();
    ASSERT_THAT(sink->open(), IsDelivered());
    EXPECT_THAT(sink->deliver(two_rows()), IsDelivered());
  }
}

// libpq keeps them for as long as the connection lasts.
TEST(PostgresAnswer, what_a_server_says_of_itself_does_not_pile_up) {
  LyingPostgres server(minute_window());
  server.babble(200'000);
  const auto sink = make_postgres_sink(server.options(), this_gateway(), minute_window());
  ASSERT_THAT(sink->open(), IsDelivered());
  RowBatch rows = two_rows();
  const std::size_t before = mallinfo2().uordblks;
  std::size_t most = 0;
  for (int i = 0; i < 60; ++i) {
    ++rows.id.epoch;
    ASSERT_THAT(sink->deliver(rows), IsDelivered()) << i;
    most = std::max(most, mallinfo2().uordblks);
  }
  EXPECT_LT(most - std::min(most, before), std::size_t{24} << 20);
  EXPECT_GT(server.connections(), 1);
  EXPECT_LT(server.connections(), 30);
  server.babble(0);
  const int connections = server.connections();
  for (int i = 0; i < 60; ++i) ASSERT_THAT(sink->deliver(rows), IsDelivered()) << i;
  EXPECT_LE(server.connections(), connections + 1) << "what says little keeps its connection";
}

PostgresOptions of_both(const LyingPostgres& first, const LyingPostgres& second) {
  PostgresOptions options = first.options();
  options.connection = "host=127.0.0.1,127.0.0.1 port=" + std::to_string(first.port()) + ',' +
                       std::to_string(second.port()) + " dbname=x";
  return options;
}

const PgReply yes = {{bigint}, {{"1"}}};

TEST(PostgresHosts, first_one_that_can_be_written_to_is_taken) {
  LyingPostgres first(minute_window()), second(minute_window());
  const auto sink = make_postgres_sink(of_both(first, second), this_gateway(), minute_window());
  ASSERT_THAT(sink->open(), IsDelivered());
  EXPECT_EQ(second.connections(), 0);
  sink->close();
  for (const PgReply& lie : {yes, PgReply{{}, {{}}, "SELECT 1"}, PgReply{{bigint}, {{"2"}}}}) {
    first.lie(Asked::read_only, lie);
    const int connections = second.connections();
    ASSERT_THAT(sink->open(), IsDelivered());
    EXPECT_EQ(second.connections(), connections + 1);
    EXPECT_THAT(sink->deliver(two_rows()), IsDelivered());
    sink->close();
  }
  second.lie(Asked::read_only, yes);
  EXPECT_THAT(sink->open(),
              IsRetryAfter(AllOf(HasSubstr(":" + std::to_string(first.port()) + ": the server's answer"),
                                 HasSubstr(":" + std::to_string(second.port()) + ": the session is read-"))));
}

TEST(PostgresHosts, server_that_is_away_or_hostile_at_the_login_is_passed_over) {
  LyingPostgres hostile(minute_window()), second(minute_window());
  hostile.ask_for_rounds("2147483647", 7);
  PostgresOptions options = of_both(hostile, second);
  options.password = "hunter2";
  const auto sink = make_postgres_sink(options, this_gateway(), minute_window());
  EXPECT_THAT(sink->open(), IsDelivered());
  sink->close();
  options.connection = "host=127.0.0.1,127.0.0.1 dbname=x port=1," + std::to_string(second.port());
  EXPECT_THAT(make_postgres_sink(options, this_gateway(), minute_window())->open(), IsDelivered());
}

TEST(PostgresHosts, target_session_attrs_says_what_is_wanted) {
  struct Case {
    const char* word;
    Asked about;
    const char* fault;  // where the answer is yes
  };
  for (const Case& c :
       {Case{"read-write", Asked::read_only, "the session is read-only"},
        Case{"primary", Asked::standby, "the server is a standby"}, Case{"any", Asked::read_only, nullptr},
        Case{"read-only", Asked::read_only, nullptr}, Case{"standby", Asked::standby, nullptr}}) {
    LyingPostgres server(minute_window());
    server.lie(c.about, yes);
    PostgresOptions options = server.options();
    options.connection += std::string(" target_session_attrs=") + c.word;
    const Outcome outcome = make_postgres_sink(options, this_gateway(), minute_window())->open();
    if (c.fault == nullptr) {
      EXPECT_THAT(outcome, IsDelivered()) << c.word;
    } else {
      EXPECT_THAT(outcome, IsRetryAfter(HasSubstr(c.fault))) << c.word;
    }
  }
}

TEST(PostgresTrial, honest_server_with_all_tables_has_no_fault) {
  LyingPostgres server(minute_window());
  EXPECT_EQ(fault_of_postgres(server.options(), minute_window()), "");
}

TEST(PostgresTrial, server_without_end_is_bounded_as_it_is_for_the_sink) {
  const std::string huge = std::string("D\x3f\xff\xff\xff", 5) + std::string(64 << 20, 'x');
  for (const Asked about : {Asked::read_only, Asked::tables, Asked::rights}) {
    LyingPostgres server(minute_window());
    server.lie(about, {.bytes = huge, .then = PgReply::Then::silence});
    EXPECT_THAT(fault_of_postgres(server.options(), minute_window()), HasSubstr("answer is larger than 8 MiB"));
  }
  LyingPostgres server(minute_window());
  server.ask_for_rounds("2147483647", 7);
  PostgresOptions options = server.options();
  options.password = "hunter2";
  EXPECT_THAT(fault_of_postgres(options, minute_window()), HasSubstr("rounds of SCRAM"));
}

TEST(PostgresTrial, server_that_stalls_anywhere_is_left_when_the_time_is_over) {
  const Duration time = Duration::seconds(1);
  for (const std::string& bytes : {std::string(), std::string("T\0\0\0\x40\0", 6), std::string("G\0\0\0\7\0\0\0", 8),
                                   std::string("H\0\0\0\7\0\0\0", 8)}) {
    LyingPostgres server(minute_window());
    server.lie(Asked::tables, {.bytes = bytes, .then = PgReply::Then::silence});
    EXPECT_THAT(fault_of_postgres(server.options(), minute_window(), time),
                HasSubstr("has not answered all that was asked within 1s"));
  }
  LyingPostgres server(minute_window());
  server.stall_behind_login(true);
  EXPECT_THAT(fault_of_postgres(server.options(), minute_window(), time), HasSubstr("within 1s"));
}

TEST(ReadBudget, bounds_each_answer_and_all_of_them) {
  int ends[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
  const Descriptor reader(ends[0]), writer(ends[1]);
  const auto read = [&](std::size_t count) {
    EXPECT_EQ(send(ends[1], std::string(count, 'x').data(), count, 0), static_cast<ssize_t>(count));
    char bytes[100];
    return recv(ends[0], bytes, sizeof bytes, 0);
  };
  {
    const ReadBudget budget(10, 25);
    EXPECT_EQ(read(10), 10);
    ReadBudget::restart();
    EXPECT_EQ(read(10), 10);
    EXPECT_EQ(budget.read_bytes(), 20U);
    EXPECT_EQ(read(1), 0) << "of one answer";
    EXPECT_TRUE(budget.is_exceeded());
  }
  {
    const ReadBudget budget(10, 25);
    for (int i = 0; i < 5; ++i) {
      ReadBudget::restart();
      EXPECT_EQ(read(5), 5);
    }
    ReadBudget::restart();
    EXPECT_EQ(read(1), 0) << "of all";
    EXPECT_TRUE(budget.is_exceeded());
  }
  EXPECT_EQ(read(50), 50);
}

TEST(PostgresAnswer, server_that_asks_for_too_many_rounds_of_scram_is_left_before_they_are_computed) {
  for (const std::size_t piece : {1U, 7U, 100'000U}) {
    for (const char* rounds : {"2147483647", "1000001", "01000001", "99999999999999999999", "+2147483647",
                               " 2147483647", "2147483647,i=1", "1,i=2147483647"}) {
      LyingPostgres server(minute_window());
      server.ask_for_rounds(rounds, piece);
      PostgresOptions options = server.options();
      options.password = "hunter2";
      EXPECT_THAT(make_postgres_sink(options, this_gateway(), minute_window())->open(),
                  IsRetryAfter(HasSubstr("more than 1000000 rounds of SCRAM")))
          << rounds;
      EXPECT_EQ(server.computed(), 0) << rounds;
    }
    LyingPostgres server(minute_window());
    server.ask_for_rounds("4096", piece);
    PostgresOptions options = server.options();
    options.password = "hunter2";
    EXPECT_THAT(make_postgres_sink(options, this_gateway(), minute_window())->open(),
                IsRetryAfter(Not(HasSubstr("rounds of SCRAM"))));
    EXPECT_EQ(server.computed(), 1);
  }
}

TEST(ScramLimit, finds_the_rounds_wherever_the_message_begins) {
  const std::string many = std::string("R\0\0\0\x19\0\0\0\x0b", 9) + "r=a,s=b,i=1000001", few = many.substr(0, 25);
  for (const std::string& before : {std::string(), std::string("RRRR"), std::string("R\0\0\x07\xff\0\0\0\x0b", 9),
                                    std::string("R\xff\xff\xff\xff\0\0\0\x0b", 9), std::string(20'000, 'R')}) {
    ScramLimit limit;
    EXPECT_TRUE(limit.accepts(before));
    EXPECT_TRUE(limit.accepts(few));
    EXPECT_FALSE(limit.accepts(many.substr(25))) << before.size();
    EXPECT_TRUE(limit.has_refused());
  }
}

// 0.0.0.0 is this machine, but not by its number.
TEST(PostgresAnswer, server_without_tls_that_is_not_of_this_machine_gets_no_password) {
  LyingPostgres server(minute_window());
  server.ask_for_password();
  PostgresOptions options = server.options("0.0.0.0");
  options.password = "hunter2";
  EXPECT_THAT(make_postgres_sink(options, this_gateway(), minute_window())->open(),
              IsRetryAfter(AllOf(HasSubstr("SSL"), Not(HasSubstr("hunter2")))));
  EXPECT_EQ(server.password(), "");
  options.allow_plaintext = true;
  EXPECT_THAT(make_postgres_sink(options, this_gateway(), minute_window())->open(), IsDelivered());
  EXPECT_EQ(server.password(), "hunter2");
}

}  // namespace
}  // namespace edgetide::test
