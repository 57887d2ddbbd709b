#include "daemon/commands/learned_config.h"

#include <cerrno>
#include <stdexcept>
#include <sys/mman.h>
#include <system_error>
#include <unistd.h>

#include "config/config.h"
#include "daemon/service/descriptor.h"
#include "daemon/service/write_all.h"
#include "sinks/row_json.h"

namespace edgetide {

std::string in_toml(std::string_view text) {
  std::string quoted;
  append_json_text(quoted, text);
  return quoted;
}

std::vector<RouteOptions> routes_of_toml(const std::string& toml) {
  const Descriptor file(::memfd_create("edgetide.toml", MFD_CLOEXEC));
  const std::error_code error =
      file.is_open() ? write_all(file.get(), toml) : std::error_code(errno, std::generic_category());
  if (error) throw std::runtime_error("cannot hold a configuration: " + error.message());
  const std::string path = "/proc/self/fd/" + std::to_string(file.get());
  return load_configuration(path, {.resolve_secrets = false}).options.sources.front().source->routes();
}

}  // namespace edgetide
