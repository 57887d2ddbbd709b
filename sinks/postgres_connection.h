// The connection to a PostgreSQL server that is not trusted, as the sink and `edgetide check` have it: how it is made,
// and what bounds the server in each call.
//
// Of several hosts the first is taken that can be reached and is as target_session_attrs wants it. libpq is not asked
// to look at that: it would read the server's answers unchecked.
//
// Thread: one at a time; `interrupt`, `resume` and `end_silence`, any.
// Fails:  what libpqxx throws; WrongAnswer; NoSuitableHost.
// Blocks: `open`, as its statements do; `interrupt` cannot end the making of a connection before the server has said
//         anything: connect_timeout bounds that, for each address of a host.
// Limit:  what is read of one answer and in one call (ReadBudget); rounds of SCRAM (ScramLimit).
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "daemon/service/descriptor.h"
#include "daemon/service/library_reads.h"
#include "daemon/service/mutex.h"
#include "sinks/postgres_conninfo.h"
#include "sinks/pqxx_versions.h"
#include "sinks/row_batch.h"

namespace edgetide {

// A server that can be reached and is not as it is wanted; or, of several hosts, why each of them will not do.
struct NoSuitableHost : std::runtime_error {
  using runtime_error::runtime_error;
};

class PostgresConnection {
 public:
  // `silence_limit`: of a server in the middle of an answer. An honest one gives up a statement before that.
  PostgresConnection(const std::vector<WindowSchema>& inputs, Duration silence_limit);
  ~PostgresConnection();
  PostgresConnection(const PostgresConnection&) = delete;
  PostgresConnection& operator=(const PostgresConnection&) = delete;

  // What may be read, and how long the server may be silent, as long as it lives. One at a time, on its thread.
  class Call {
   public:
    explicit Call(PostgresConnection& connection) noexcept;
    ~Call();
    Call(const Call&) = delete;
    Call& operator=(const Call&) = delete;

    // Why we have ended the connection; empty: we have not.
    std::string reason_of_excess() const;
    std::string reason_of_silence() const;

   private:
    PostgresConnection& connection_;
    ReadBudget budget_;
  };

  // A new connection. False where it is interrupted.
  bool open(const PostgresHosts& hosts);
  bool is_open() const noexcept { return connection_ != nullptr; }
  pqxx::connection& operator*() noexcept;
  void drop() noexcept;

  // libpq keeps what a server says of itself for as long as the connection lasts.
  bool has_read_much() const noexcept { return read_bytes_ > max_answer_bytes_; }
  // What a pooler in between says to a transaction that begins, in a separate connection; empty where it begins.
  // libpqxx forgets that text when the pooler closes the connection with it.
  std::string refusal_of_transactions(const PostgresHosts& hosts);

  // Whatever waits for the server returns soon, and `open` fails, until `resume`.
  void interrupt() noexcept;
  void resume() noexcept;
  void end_silence() noexcept;

 private:
  // Its end that another thread can reach, also while it is made: its socket under a number of our own.
  class ReachableEnd {
   public:
    void hold(int socket) noexcept { socket_ = Descriptor::duplicate(socket); }
    void release() noexcept { socket_ = Descriptor(); }
    bool is_held() const noexcept { return socket_.is_open(); }
    void shut_down() const noexcept;
    Duration silent_for() const noexcept;

   private:
    Descriptor socket_;
  };
  class Session;
  class ConnectingReads;

  bool is_interrupted() noexcept;
  bool begin(const PostgresHost& host, WantedServer wanted);
  std::unique_ptr<Session> make(const std::string& conninfo);
  void hold_end(int socket) noexcept;
  void release_end() noexcept;
  void note_call(std::optional<std::chrono::steady_clock::time_point> at) noexcept;
  std::uint64_t max_call_bytes() const noexcept;

  const std::uint64_t max_answer_bytes_;
  const Duration silence_limit_;
  std::unique_ptr<Session> connection_;  // the caller's thread only
  std::uint64_t read_bytes_ = 0;         // of it, in calls that have ended
  std::string newest_conninfo_;          // of the host that was asked last
  Mutex mutex_;
  ReachableEnd end_ GUARDED_BY(mutex_);  // of the connection, as soon as its server has said anything
  bool interrupted_ GUARDED_BY(mutex_) = false;
  std::optional<std::chrono::steady_clock::time_point> called_at_ GUARDED_BY(mutex_);  // while a call waits
  bool was_silent_ GUARDED_BY(mutex_) = false;                                         // this call's server
};

}  // namespace edgetide
