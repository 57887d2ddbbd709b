// The few calls that libpqxx 6.4 and 7.x spell differently. Included by postgres_sink.cpp only.
#pragma once

#include <pqxx/pqxx>
#include <string>
#include <vector>

namespace edgetide {

inline pqxx::result execute(pqxx::transaction_base& transaction, const std::string& sql,
                            const std::vector<std::string>& parameters) {
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

// libpqxx 6.4 forgets the code of this one error.
inline std::string sqlstate_of(const pqxx::sql_error& error) {
  const bool forgotten = dynamic_cast<const pqxx::insufficient_privilege*>(&error) != nullptr;
  return forgotten ? "42501" : error.sqlstate();
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

// libpqxx prints what the server remarks, unless it is told not to.
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
