// The connection string that libpq gets: the user's, keywords or URI, with the password, the user and our time limits
// added as properly quoted keywords. What the user wrote wins over our defaults. The only user of libpq itself.
//
// libpq gets target_session_attrs=any and one host at a time: for anything else it asks the server by itself, and reads
// what comes back without a look at it (a row of no columns ends the process). Who connects asks and goes on to the
// next host.
//
// A connection that may leave this machine is made with sslmode=verify-full, unless plain text is allowed: else any
// server that answers gets the password. It may leave where a host or an address is neither of the loopback nor a Unix
// socket, be it from the text or from the environment (PGHOST, PGHOSTADDR), and where a service file may name another.
//
// Thread: any; reads the environment, as libpq does. Fails: the reason is in the result; no secret is in it.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "sinks/postgres_sink.h"

namespace edgetide {

struct ConninfoError {
  std::string reason;
};

// What a connection string says, in either form, by keyword; without defaults.
using ConninfoKeywords = std::map<std::string, std::string>;
std::variant<ConninfoKeywords, ConninfoError> parse_conninfo(const std::string& text);

// Where such a connection may leave this machine to: "host db.example", "service plant"; nothing: it stays.
std::optional<std::string> remote_end(const ConninfoKeywords& keywords);

// Why a connection to a remote end is refused; empty if it is not.
struct TlsRefusal {
  std::string reason;  // "sslmode=require does not check who answers at host db.example"
  std::string remedy;  // "write sslmode=verify-full, ..."
};
std::optional<TlsRefusal> tls_refusal(const ConninfoKeywords& keywords, bool allow_plaintext);

// A file that the connection string names and that libpq could wait for without end, or not finish reading; with why.
std::optional<std::string> unfit_file(const ConninfoKeywords& keywords);

// What is wanted of a server: target_session_attrs. libpq's prefer-standby is `any`, since rows go to a primary only.
enum class WantedServer { any, read_write, read_only, primary, standby };

struct PostgresHost {
  std::string name;      // "db.example:5433", for messages
  std::string conninfo;  // of this host alone, for any server
};
struct PostgresHosts {
  std::vector<PostgresHost> hosts;  // at least one, in the order in which they are tried
  WantedServer wanted = WantedServer::read_write;
};
// `longest_connect`: of each address, also where the text says more, or without end.
std::variant<PostgresHosts, ConninfoError> postgres_hosts(const PostgresOptions& options,
                                                          Duration longest_connect = Duration::unlimited());

// What a pooler in between says to a transaction that begins, in the words of its message; empty where it begins.
// libpqxx forgets that text when the pooler closes the connection with it.
// Blocks: as a new connection does, and for one answer.
std::string transaction_refusal(const std::string& conninfo);

}  // namespace edgetide
