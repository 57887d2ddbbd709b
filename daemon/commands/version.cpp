#include "daemon/commands/commands.h"

namespace edgetide {

std::string version_text() {
  std::string text = "edgetide " EDGETIDE_VERSION "\nbuilt with: mqtt (Eclipse Paho), sockets, json (simdjson)";
#if EDGETIDE_POSTGRESQL
  text += ", postgresql (libpqxx)";
#endif
#if EDGETIDE_SQLITE
  text += ", sqlite";
#endif
  return text + ", systemd";
}

}  // namespace edgetide
