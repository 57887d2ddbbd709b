// A PostgreSQL server that answers what a test says: enough of protocol 3.0 for the sink, without any tables behind it.
// It tells the truth about everything else, as a server with the sink's tables and a claim of ours would.
//
// Owns: a thread and a loopback port. Thread: `lie` before a client connects; counts from any.
// Fails: std::runtime_error; a client that speaks anything unexpected is disconnected.
#pragma once

#include <atomic>
#include <map>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "sinks/postgres_sink.h"

namespace edgetide::test {

// What the sink asks for.
enum class Asked {
  other,
  tables,
  state,
  claim,
  find_series,
  add_series,
  insert,
  retract,
  epoch,
  skipped,
  versions,
  has_rows,
  read_only,
  standby,
  rights
};

struct PgReply {
  std::vector<unsigned> types = {};  // oids, one for each column; without any a row has no columns either
  std::vector<std::vector<std::optional<std::string>>> rows = {};
  std::string tag = "SELECT 0";
  std::optional<std::string> bytes = {};  // instead of all that: as they are, and then
  enum class Then { end, silence } then = Then::end;
};

class LyingPostgres {
 public:
  explicit LyingPostgres(std::vector<WindowSchema> inputs);
  ~LyingPostgres();
  LyingPostgres(const LyingPostgres&) = delete;
  LyingPostgres& operator=(const LyingPostgres&) = delete;

  void lie(Asked about, PgReply reply) { lies_[about] = std::move(reply); }
  void tell_the_truth() { lies_.clear(); }
  // The next connections are of a gateway that this server does not know.
  void forget() noexcept { claimed_ = false; }
  // Asks for a password in clear text, and answers to TLS that it has none.
  void ask_for_password() noexcept { asks_for_password_ = true; }
  // Asks for SCRAM of so many rounds, with its word in pieces of so many bytes, and takes no answer for the right one.
  void ask_for_rounds(std::string rounds, std::size_t piece_bytes) {
    rounds_ = std::move(rounds);
    piece_bytes_ = piece_bytes;
  }
  // Lets the next clients in, and says nothing more.
  void stall_behind_login(bool stalls) noexcept { stalls_behind_login_ = stalls; }
  int computed() const noexcept { return computed_; }  // answers to that
  // Says so many bytes of its parameters, each time under other names, with all that it answers.
  void babble(std::size_t bytes) noexcept { babble_bytes_ = bytes; }
  int connections() const noexcept { return connections_; }
  const std::string& password() const noexcept { return password_; }

  PostgresOptions options(const std::string& host = "127.0.0.1") const;
  int port() const noexcept { return port_; }
  int stored() const noexcept { return stored_; }
  int committed() const noexcept { return committed_; }

 private:
  struct Peer;
  void run();
  void serve(Peer& peer);
  bool start(Peer& peer);
  void ask_for_scram(Peer& peer);
  bool ask_for(Peer& peer);
  bool send_bytes(Peer& peer, const PgReply& reply);
  void answer_simple(Peer& peer, const std::string& sql);
  PgReply reply_to(Asked asked) const;
  std::string ready();

  const std::vector<WindowSchema> inputs_;
  std::map<Asked, PgReply> lies_;
  std::atomic<bool> asks_for_password_ = false;
  std::string password_;
  std::string rounds_;
  std::size_t piece_bytes_ = 1;
  std::atomic<int> computed_ = 0;
  std::atomic<bool> stalls_behind_login_ = false;
  std::atomic<int> stored_ = 0, committed_ = 0;
  std::atomic<int> connections_ = 0;
  std::atomic<std::size_t> babble_bytes_ = 0;
  std::size_t parameters_ = 0;
  std::atomic<bool> claimed_ = false;
  std::pair<std::string, std::string> position_ = {"0", "0"};  // run and epoch, as they were stored last
  bool in_transaction_ = false;
  int listener_ = -1;
  int port_ = 0;
  std::atomic<int> peer_ = -1;
  std::atomic<bool> ends_ = false;
  std::thread thread_;
};

}  // namespace edgetide::test
