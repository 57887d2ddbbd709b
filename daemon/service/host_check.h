// Whether an HTTP server answers to a Host header. A web page elsewhere can point a name of its domain at this machine,
// and then read what a browser here can reach (DNS rebinding); so a name has to be known. An address cannot be pointed.
//
// Thread: pure. Fails: never.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "daemon/service/socket_address.h"

namespace edgetide {

// With or without a port: localhost, a loopback address, the address of `listen` (of a wildcard: any address), and
// `names`, in any case.
bool answers_to_host(std::string_view header, const SocketAddress& listen, const std::vector<std::string>& names);

}  // namespace edgetide
