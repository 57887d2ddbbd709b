// Variables of the environment, without those that make libraries send what they send to another machine.
//
// Paho takes a proxy from http_proxy and https_proxy, for every broker and also for one of this machine, and offers no
// way to have none. The proxy would get all of it, the password too, whatever the configuration says about plain text.
//
// Thread: as each says. Fails: never.
#pragma once

#include <optional>
#include <string>

namespace edgetide {

// From then on libraries see no proxies. Thread: any, while it is the only one of the process.
void hide_proxies();

// As getenv, and also of what is hidden, for what the configuration names by itself. Thread: any.
std::optional<std::string> environment_variable(const std::string& name);

}  // namespace edgetide
