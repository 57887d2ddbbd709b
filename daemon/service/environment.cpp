#include "daemon/service/environment.h"

#include <array>
#include <cstdlib>
#include <map>

namespace edgetide {

namespace {

constexpr std::array proxies = {"http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"};

std::map<std::string, std::string>& hidden() {
  static std::map<std::string, std::string> variables;
  return variables;
}

}  // namespace

void hide_proxies() {
  for (const char* const name : proxies) {
    const char* const value = std::getenv(name);
    if (value == nullptr) continue;
    hidden()[name] = value;
    ::unsetenv(name);
  }
}

std::optional<std::string> environment_variable(const std::string& name) {
  if (const char* const value = std::getenv(name.c_str())) return value;
  const auto found = hidden().find(name);
  return found == hidden().end() ? std::nullopt : std::optional(found->second);
}

}  // namespace edgetide
