// libpqxx 6.4 and 7.x with one face: the calls they spell differently, and their errors as ours.
// Included by files named postgres_* only.
//
// Thread: that of the sink. Fails: what libpqxx throws goes through.
#pragma once

#include <algorithm>
#include <exception>
#include <pqxx/pqxx>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/service/library_reads.h"
#include "sinks/sql_error.h"

namespace edgetide {

inline pqxx::result execute(pqxx::transaction_base& transaction, const std::string& sql,
                            const std::vector<std::string>& parameters) {
  ReadBudget::restart();
#if PQXX_VERSION_MAJOR < 7
  return transaction.exec_params(sql, pqxx::prepare::make_dynamic_params(parameters));
#else
  pqxx::params list;
  for (const std::string& parameter : parameters) list.append(parameter);
#if PQXX_VERSION_MAJOR == 7 && PQXX_VERSION_MINOR < 10
  return transaction.exec_params(sql, list);
#else
  return transaction.exec(sql, list);
#endif
#endif
}

inline SqlErrorClass classify(const pqxx::failure& error) {
  // libpqxx 6.4 forgets the code of this one error.
  if (dynamic_cast<const pqxx::insufficient_privilege*>(&error) != nullptr) return classify_sql_error("42501");
  const auto* const sql = dynamic_cast<const pqxx::sql_error*>(&error);
  return classify_sql_error(sql == nullptr ? "" : sql->sqlstate());  // the others are those of the link, and 40xxx
}

// A trigger or function of the user has refused on purpose, whatever code it has chosen for that.
inline bool is_raised(const pqxx::failure& error) {
  const std::string_view text = error.what();
  return text.find("PL/pgSQL") != text.npos && text.find(" RAISE") != text.npos;
}

// What an error says, as one line of bounded length.
inline std::string reason_of(const std::exception& error) {
  std::string text = error.what();
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < ' ' || c == 0x7f; };
  std::replace_if(text.begin(), text.end(), is_control, ' ');  // it may be the server's own
  text.resize(std::min<std::size_t>(text.find_last_not_of(' ') + 1, 500));
  return text;
}

// A lost connection is never replaced behind our back: the new one would lack the session's settings.
inline void forbid_reactivation([[maybe_unused]] pqxx::connection& connection) {
#if PQXX_VERSION_MAJOR < 7
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
  connection.inhibit_reactivation(true);
#pragma GCC diagnostic pop
#endif
}

// libpqxx prints notices of the server by default; this disables it.
#if PQXX_VERSION_MAJOR == 7 && PQXX_VERSION_MINOR >= 9 || PQXX_VERSION_MAJOR > 7
struct SilentNotices {
  explicit SilentNotices(pqxx::connection& connection) {
    connection.set_notice_handler([](pqxx::zview) noexcept {});
  }
};
#else
using SilentNotices = pqxx::quiet_errorhandler;
#endif

}  // namespace edgetide
