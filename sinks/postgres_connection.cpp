#include "sinks/postgres_connection.h"

#include <algorithm>
#include <new>
#include <string_view>
#include <sys/socket.h>
#include <utility>

#include "daemon/service/tcp_state.h"
#include "sinks/postgres_answer.h"
#include "sinks/scram_limit.h"

#if defined(__clang__)
#define EDGETIDE_LEAKS_ARE_SEEN __has_feature(address_sanitizer)
#elif defined(__SANITIZE_ADDRESS__)
#define EDGETIDE_LEAKS_ARE_SEEN 1
#endif
#if EDGETIDE_LEAKS_ARE_SEEN
// libpqxx 6.4 forgets one result, about 2 KiB, when a connection is lost during a statement.
extern "C" const char* __lsan_default_suppressions() {
  return "leak:PQmakeEmptyPGresult\n";
}
#endif

namespace edgetide {

namespace {

// Of one answer, in bytes, which libpq reads whole and keeps up to four times: what may be asked for is the columns of
// tables, and as many rows as one statement is about, with numbers.
constexpr std::uint64_t least_answer = 8 * 1024 * 1024, rows_of_answer = 5'000, number_of_answer = 32;
constexpr std::uint64_t answers_of_a_call = 4;  // so large, together; thousands of small ones are usual

std::uint64_t max_answer_bytes(const std::vector<WindowSchema>& inputs) {
  std::size_t columns = 0;
  for (const WindowSchema& window : inputs) columns = std::max(columns, window.columns.size() + 1);
  return least_answer + columns * rows_of_answer * number_of_answer;
}

constexpr std::size_t max_reasons_bytes = 400;  // of hosts that will not do

// What libpq would ask of a server for target_session_attrs.
void check_server(pqxx::connection& connection, WantedServer wanted) {
  if (wanted == WantedServer::any) return;
  const bool by_role = wanted == WantedServer::primary || wanted == WantedServer::standby;
  const bool wants_yes = wanted == WantedServer::read_only || wanted == WantedServer::standby;
  pqxx::nontransaction session(connection);
  const PostgresAnswer answer(
      execute(session,
              by_role ? "SELECT pg_catalog.pg_is_in_recovery()::int"
                      : "SELECT (pg_catalog.current_setting('transaction_read_only') = 'on')::int",
              {}),
      by_role ? "its recovery" : "transaction_read_only", {.columns = 1, .least_rows = 1, .most_rows = 1});
  if ((answer.number(0, 0, 0, 1) == 1) == wants_yes) return;
  if (by_role) throw NoSuitableHost(wants_yes ? "the server is not a standby" : "the server is a standby");
  throw NoSuitableHost(wants_yes ? "the session is not read-only" : "the session is read-only");
}

}  // namespace

class PostgresConnection::Session {
 public:
  explicit Session(const std::string& conninfo) : connection_(conninfo), silence_(connection_) {
    forbid_reactivation(connection_);
  }

  pqxx::connection& operator*() noexcept { return connection_; }
  int socket() const noexcept { return connection_.sock(); }

 private:
  pqxx::connection connection_;
  SilentNotices silence_;
};

// What libpq reads while it makes a connection, for which libpqxx waits without end: the other end may stall, or lie.
class PostgresConnection::ConnectingReads final : public ReadInspection {
 public:
  explicit ConnectingReads(PostgresConnection& connection) noexcept : connection_(connection) {}

  bool has_refused() const noexcept { return scram_.has_refused(); }
  bool accepts(int socket, std::string_view bytes) noexcept override {
    connection_.hold_end(socket);
    if (scram_.accepts(bytes)) return true;
    ::shutdown(socket, SHUT_RDWR);  // libpq would wait for more until connect_timeout
    return false;
  }

 private:
  PostgresConnection& connection_;
  ScramLimit scram_;
};

// Whatever waits for the server sees the end of the stream at once, even on a dead link, where a cancel request would
// hang as well. The server drops the statement when its own time limit ends it.
void PostgresConnection::ReachableEnd::shut_down() const noexcept {
  ::shutdown(socket_.get(), SHUT_RDWR);
}

// Over a Unix socket nothing: the server is of this machine.
Duration PostgresConnection::ReachableEnd::silent_for() const noexcept {
  const std::optional<TcpState> state = tcp_state(socket_.get());
  return state ? state->silent_for : Duration();
}

PostgresConnection::Call::Call(PostgresConnection& connection) noexcept
    : connection_(connection), budget_(connection.max_answer_bytes_, connection.max_call_bytes()) {
  connection_.note_call(std::chrono::steady_clock::now());
}

PostgresConnection::Call::~Call() {
  connection_.note_call(std::nullopt);
  if (connection_.is_open()) connection_.read_bytes_ += budget_.read_bytes();
}

std::string PostgresConnection::Call::reason_of_excess() const {
  if (!budget_.is_exceeded()) return {};
  const bool in_all = budget_.read_bytes() > connection_.max_call_bytes();
  return (in_all ? "all of the server's answers to one delivery are" : "the server's answer is") +
         std::string(" larger than ") +
         std::to_string((in_all ? connection_.max_call_bytes() : connection_.max_answer_bytes_) / (1024 * 1024)) +
         " MiB";
}

std::string PostgresConnection::Call::reason_of_silence() const {
  const MutexLock lock(connection_.mutex_);
  if (!connection_.was_silent_) return {};
  return "the server has stopped in the middle of an answer: silent for more than " +
         std::to_string(connection_.silence_limit_.count() / 1'000'000) + " s";
}

PostgresConnection::PostgresConnection(const std::vector<WindowSchema>& inputs, Duration silence_limit)
    : max_answer_bytes_(max_answer_bytes(inputs)), silence_limit_(silence_limit) {}

PostgresConnection::~PostgresConnection() = default;

std::uint64_t PostgresConnection::max_call_bytes() const noexcept {
  return answers_of_a_call * max_answer_bytes_;
}

pqxx::connection& PostgresConnection::operator*() noexcept {
  return **connection_;
}

void PostgresConnection::hold_end(int socket) noexcept {
  const MutexLock lock(mutex_);
  end_.hold(socket);
  if (interrupted_) end_.shut_down();
}

void PostgresConnection::release_end() noexcept {
  const MutexLock lock(mutex_);
  end_.release();
}

bool PostgresConnection::is_interrupted() noexcept {
  const MutexLock lock(mutex_);
  return interrupted_;
}

bool PostgresConnection::open(const PostgresHosts& hosts) {
  drop();
  std::string reasons;
  for (const PostgresHost& host : hosts.hosts) {
    if (is_interrupted()) return false;
    try {
      return begin(host, hosts.wanted);
    } catch (const std::bad_alloc&) {
      drop();
      throw;
    } catch (const std::exception& error) {
      drop();
      if (hosts.hosts.size() == 1) throw;
      const std::string reason = reason_of(error);
      const std::size_t share = max_reasons_bytes / hosts.hosts.size();
      reasons += (reasons.empty() ? "" : "; ") + host.name + ": " + reason.substr(0, std::max<std::size_t>(share, 80));
    }
  }
  if (is_interrupted()) return false;
  throw NoSuitableHost(reasons);
}

bool PostgresConnection::begin(const PostgresHost& host, WantedServer wanted) {
  ReadBudget::restart();
  newest_conninfo_ = host.conninfo;
  auto made = make(host.conninfo);
  hold_end(made->socket());
  check_server(**made, wanted);
  if (is_interrupted()) return false;
  connection_ = std::move(made);
  return true;
}

std::unique_ptr<PostgresConnection::Session> PostgresConnection::make(const std::string& conninfo) {
  const ConnectingReads reads(*this);
  try {
    return std::make_unique<Session>(conninfo);
  } catch (const pqxx::failure&) {
    if (!reads.has_refused()) throw;
    throw WrongAnswer("the password", "more than " + std::to_string(ScramLimit::max_rounds) + " rounds of SCRAM");
  }
}

void PostgresConnection::drop() noexcept {
  read_bytes_ = 0;
  connection_.reset();  // without the lock: its last words to the server may wait, until they are interrupted
  release_end();
}

std::string PostgresConnection::refusal_of_transactions(const PostgresHosts& hosts) {
  std::string reason;
  {
    const Call call(*this);
    const ConnectingReads reads(*this);
    reason = transaction_refusal(newest_conninfo_.empty() ? hosts.hosts.front().conninfo : newest_conninfo_);
  }
  release_end();
  return reason;
}

void PostgresConnection::resume() noexcept {
  const MutexLock lock(mutex_);
  interrupted_ = false;
}

void PostgresConnection::interrupt() noexcept {
  const MutexLock lock(mutex_);
  interrupted_ = true;
  if (end_.is_held()) end_.shut_down();
}

void PostgresConnection::note_call(std::optional<std::chrono::steady_clock::time_point> at) noexcept {
  const MutexLock lock(mutex_);
  called_at_ = at;
  was_silent_ = false;
}

void PostgresConnection::end_silence() noexcept {
  const MutexLock lock(mutex_);
  if (!called_at_ || !end_.is_held()) return;
  const auto limit = std::chrono::microseconds(silence_limit_.count());
  if (std::chrono::steady_clock::now() - *called_at_ <= limit || end_.silent_for() <= silence_limit_) return;
  was_silent_ = true;
  end_.shut_down();
}

}  // namespace edgetide
