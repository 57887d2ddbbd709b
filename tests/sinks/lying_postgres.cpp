#include "tests/sinks/lying_postgres.h"

#include <arpa/inet.h>
#include <cstdint>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdexcept>
#include <string_view>
#include <sys/socket.h>
#include <unistd.h>

#include "sinks/postgres_schema.h"
#include "sinks/schema_version.h"

namespace edgetide::test {

namespace {

constexpr std::uint32_t tls_request = 80'877'103, gss_request = 80'877'104;
constexpr unsigned oid_bigint = 20, oid_name = 19, oid_text = 25;

std::string be(std::uint32_t number, int bytes) {
  std::string text;
  for (int i = bytes - 1; i >= 0; --i) text += static_cast<char>(number >> (8 * i) & 0xff);
  return text;
}

std::string message(char type, const std::string& body) {
  return type + be(static_cast<std::uint32_t>(body.size() + 4), 4) + body;
}

std::string status(const std::string& name, const std::string& value) {
  return message('S', name + '\0' + value + '\0');
}

std::string encoded(const PgReply& reply) {
  std::string bytes;
  if (!reply.types.empty() || !reply.rows.empty()) {
    std::string columns = be(static_cast<std::uint32_t>(reply.types.size()), 2);
    for (const unsigned type : reply.types) {
      columns +=
          std::string("c\0", 2) + be(0, 4) + be(0, 2) + be(type, 4) + be(0xffff, 2) + be(0xffffffff, 4) + be(0, 2);
    }
    bytes += message('T', columns);
  } else {
    bytes += message('n', {});
  }
  for (const auto& row : reply.rows) {
    std::string values = be(static_cast<std::uint32_t>(row.size()), 2);
    for (const auto& value : row) {
      values += value ? be(static_cast<std::uint32_t>(value->size()), 4) + *value : be(0xffffffff, 4);
    }
    bytes += message('D', values);
  }
  return bytes + message('C', reply.tag + '\0');
}

std::size_t number_in(std::string_view bytes, std::size_t at, std::size_t count) {
  std::size_t number = 0;
  for (std::size_t i = 0; i < count && at + i < bytes.size(); ++i) {
    number = number << 8 | static_cast<unsigned char>(bytes[at + i]);
  }
  return number;
}

// The parameters in a Bind: behind two names and the formats, each with its length before it.
std::vector<std::string> values_of(const std::string& bind) {
  std::size_t at = bind.find('\0', bind.find('\0') + 1) + 1;
  at += 2 + 2 * number_in(bind, at, 2);
  std::vector<std::string> values(number_in(bind, at, 2));
  at += 2;
  for (std::string& value : values) {
    const std::size_t length = number_in(bind, at, 4);
    at += 4;
    if (length == 0xffffffff || at + length > bind.size()) continue;
    value = bind.substr(at, length);
    at += length;
  }
  return values;
}

Asked asked_by(std::string_view sql) {
  const auto has = [&](std::string_view part) { return sql.find(part) != sql.npos; };
  if (has("pg_attribute")) return Asked::tables;
  if (has("transaction_read_only")) return Asked::read_only;
  if (has("pg_is_in_recovery")) return Asked::standby;
  if (has("_privilege(")) return Asked::rights;
  if (has("SELECT part, version")) return Asked::versions;
  if (has("SELECT (EXISTS")) return Asked::has_rows;
  if (has("INSERT INTO \"edgetide\".sink_state")) return Asked::claim;
  if (has("UPDATE \"edgetide\".sink_state")) return Asked::epoch;
  if (has("\"edgetide\".sink_state")) return Asked::state;
  if (has("INSERT INTO \"edgetide\".series")) return Asked::add_series;
  if (has("SELECT n.position\nFROM")) return Asked::skipped;
  if (has("WITH ORDINALITY")) return Asked::find_series;
  if (has("DELETE FROM")) return Asked::retract;
  return has("INSERT INTO") ? Asked::insert : Asked::other;
}

}  // namespace

struct LyingPostgres::Peer {
  int socket;
  std::string sql = {};                  // of the last Parse
  std::vector<std::string> values = {};  // of the last Bind

  bool read(void* into, std::size_t count) const {
    for (std::size_t done = 0; done < count;) {
      const ssize_t part = recv(socket, static_cast<char*>(into) + done, count - done, 0);
      if (part <= 0) return false;
      done += static_cast<std::size_t>(part);
    }
    return true;
  }
  std::optional<std::uint32_t> number() const {
    std::uint32_t bytes = 0;
    return read(&bytes, 4) ? std::optional(ntohl(bytes)) : std::nullopt;
  }
  std::optional<std::string> rest() const {
    const auto length = number();
    if (!length || *length < 4 || *length > 1'000'000) return std::nullopt;
    std::string body(*length - 4, '\0');
    return read(body.data(), body.size()) ? std::optional(body) : std::nullopt;
  }
  void write(std::string_view bytes) const {
    static_cast<void>(send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL));
  }
};

LyingPostgres::LyingPostgres(std::vector<WindowSchema> inputs) : inputs_(std::move(inputs)) {
  listener_ = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  socklen_t length = sizeof address;
  if (bind(listener_, reinterpret_cast<const sockaddr*>(&address), length) != 0 || listen(listener_, 4) != 0 ||
      getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &length) != 0) {
    throw std::runtime_error("no port for the lying server");
  }
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this] { run(); });
}

LyingPostgres::~LyingPostgres() {
  ends_ = true;
  shutdown(listener_, SHUT_RDWR);
  shutdown(peer_, SHUT_RDWR);
  thread_.join();
  close(listener_);
}

PostgresOptions LyingPostgres::options(const std::string& host) const {
  PostgresOptions options;
  options.connection = "host=" + host + " port=" + std::to_string(port_) + " dbname=x";
  options.user = "edgetide";
  return options;
}

void LyingPostgres::run() {
  while (!ends_) {
    Peer peer{accept(listener_, nullptr, nullptr)};
    if (peer.socket < 0) return;
    constexpr int on = 1;
    setsockopt(peer.socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    peer_ = peer.socket;
    serve(peer);
    peer_ = -1;
    close(peer.socket);
  }
}

void LyingPostgres::serve(Peer& peer) {
  in_transaction_ = false;
  ++connections_;
  if (!start(peer)) return;
  while (ask_for(peer)) {
  }
}

bool LyingPostgres::start(Peer& peer) {
  for (auto body = peer.rest(); body; body = peer.rest()) {
    std::uint32_t code = 0;
    body->copy(reinterpret_cast<char*>(&code), 4);
    if (ntohl(code) == tls_request || ntohl(code) == gss_request) {
      peer.write("N");
      continue;
    }
    if (asks_for_password_) {
      peer.write(message('R', be(3, 4)));
      char type = 0;
      if (!peer.read(&type, 1)) return false;
      if (const auto answer = peer.rest()) password_ = answer->c_str();
    }
    if (!rounds_.empty()) return ask_for_scram(peer), false;
    peer.write(message('R', be(0, 4)) + status("server_version", "15.4") + status("client_encoding", "UTF8") +
               status("standard_conforming_strings", "on") + status("integer_datetimes", "on") +
               message('K', be(1, 4) + be(2, 4)) + message('Z', "I"));
    for (char ignored = 0; stalls_behind_login_;) {
      if (!peer.read(&ignored, 1)) return false;
    }
    return true;
  }
  return false;
}

void LyingPostgres::ask_for_scram(Peer& peer) {
  peer.write(message('R', be(10, 4) + std::string("SCRAM-SHA-256\0\0", 15)));
  char type = 0;
  if (!peer.read(&type, 1)) return;
  const auto first = peer.rest();
  if (!first) return;
  const std::string nonce = first->substr(first->rfind("r="));
  const std::string word = message('R', be(11, 4) + nonce + "server,s=c2FsdHNhbHRzYWx0c2E=,i=" + rounds_);
  for (std::size_t at = 0; at < word.size(); at += piece_bytes_) peer.write(word.substr(at, piece_bytes_));
  if (peer.read(&type, 1)) ++computed_;
}

bool LyingPostgres::ask_for(Peer& peer) {
  char type = 0;
  if (!peer.read(&type, 1)) return false;
  const auto body = peer.rest();
  if (!body || type == 'X') return false;
  if (type == 'Q') answer_simple(peer, body->c_str());
  if (type == 'P') peer.sql = body->substr(body->find('\0') + 1);
  if (type == 'B') peer.values = values_of(*body);
  if (type == 'S') {
    const Asked asked = asked_by(peer.sql);
    if (const PgReply reply = reply_to(asked); reply.bytes) return send_bytes(peer, reply);
    claimed_ = claimed_ || asked == Asked::claim;
    stored_ += asked == Asked::insert ? 1 : 0;
    if (asked == Asked::epoch && peer.values.size() == 4) position_ = {peer.values[2], peer.values[3]};
    peer.write(message('1', {}) + message('2', {}) + encoded(reply_to(asked)) + ready());
  }
  return true;
}

// In silence the client has to end the connection.
bool LyingPostgres::send_bytes(Peer& peer, const PgReply& reply) {
  peer.write(*reply.bytes);
  char ignored = 0;
  while (reply.then == PgReply::Then::silence && peer.read(&ignored, 1)) {
  }
  return false;
}

void LyingPostgres::answer_simple(Peer& peer, const std::string& sql) {
  if (sql.starts_with("SHOW")) return peer.write(encoded(reply_to(asked_by(sql))) + ready());
  std::string tag = "SET";
  if (sql.starts_with("BEGIN")) tag = "BEGIN", in_transaction_ = true;
  if (sql.starts_with("COMMIT")) tag = "COMMIT", in_transaction_ = false, ++committed_;
  if (sql.starts_with("ROLLBACK")) tag = "ROLLBACK", in_transaction_ = false;
  peer.write(message('C', tag + '\0') + ready());
}

std::string LyingPostgres::ready() {
  constexpr std::size_t value_bytes = 29'000;  // libpq takes 30,000 for a message
  std::string bytes;
  while (bytes.size() < babble_bytes_) {
    bytes += status("parameter_" + std::to_string(++parameters_), std::string(value_bytes, 'x'));
  }
  return bytes + message('Z', in_transaction_ ? "T" : "I");
}

PgReply LyingPostgres::reply_to(Asked asked) const {
  if (const auto lie = lies_.find(asked); lie != lies_.end()) return lie->second;
  PgReply tables{{oid_name, oid_name}, {}};
  for (const auto& [table, columns] : postgres_shapes(inputs_)) {
    for (const std::string& column : columns) tables.rows.push_back({table, column});
  }
  switch (asked) {
    case Asked::tables:
      return tables;
    case Asked::state:
      return {{oid_bigint, oid_bigint, oid_bigint, oid_bigint, oid_bigint, oid_text, oid_bigint},
              claimed_ ? decltype(PgReply::rows){{"1", position_.first, position_.second, "7", "0", "", "0"}}
                       : decltype(PgReply::rows){}};
    case Asked::versions: {
      PgReply versions{{oid_text, oid_bigint}, {}};
      for (const std::string& part : schema_parts(inputs_)) {
        versions.rows.push_back({part, std::to_string(schema_version)});
      }
      return versions;
    }
    case Asked::has_rows:
    case Asked::rights:
      return {{oid_bigint}, {{"1"}}};
    case Asked::read_only:
    case Asked::standby:
      return {{oid_bigint}, {{"0"}}};
    case Asked::claim:
      return {{oid_bigint}, {{"1"}}, "INSERT 0 1"};
    case Asked::find_series:
      return {{oid_bigint, oid_bigint, oid_bigint}, {{"1", "11", "0"}, {"2", "12", "0"}}};
    case Asked::epoch:
      return {{}, {}, "UPDATE 1"};
    case Asked::add_series:
    case Asked::insert:
      return {{}, {}, "INSERT 0 2"};
    default:
      return {{}, {}, "INSERT 0 0"};
  }
}

}  // namespace edgetide::test
