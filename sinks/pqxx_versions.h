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

// Warnings of the server go nowhere (libpqxx prints them), and a lost connection is never replaced behind our back:
// the new one would lack the session's settings.
inline void prepare_connection(pqxx::connection& connection) {
#if PQXX_VERSION_MAJOR < 7
  connection.set_verbosity(pqxx::connection_base::normal);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
  connection.inhibit_reactivation(true);
#pragma GCC diagnostic pop
#endif
}

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
