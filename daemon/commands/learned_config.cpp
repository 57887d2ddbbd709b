#include "daemon/commands/learned_config.h"

#include <cerrno>
#include <stdexcept>
#include <sys/mman.h>
#include <system_error>
#include <unistd.h>

#include "config/config.h"
#include "daemon/service/descriptor.h"
#include "sinks/row_json.h"

namespace edgetide {

std::string in_toml(std::string_view text) {
  std::string quoted;
  append_json_text(quoted, text);
  return quoted;
}

std::vector<RouteOptions> routes_of_toml(const std::string& toml) {
  const Descriptor file(::memfd_create("edgetide.toml", MFD_CLOEXEC));
  if (!file.is_open() || ::write(file.get(), toml.data(), toml.size()) != static_cast<ssize_t>(toml.size())) {
    throw std::runtime_error("cannot hold a configuration: " + std::generic_category().message(errno));
  }
  const std::string path = "/proc/self/fd/" + std::to_string(file.get());
  return load_configuration(path, {.resolve_secrets = false}).options.sources.front().source->routes();
}

}  // namespace edgetide
