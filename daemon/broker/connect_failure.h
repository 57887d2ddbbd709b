// Why a connection to an MQTT broker could not be made, in words.
//
// Thread: pure.
// Fails:  never; what is not known gives no words.
// See:    MQTT Version 3.1.1, 3.2.2.3; MQTT Version 5.0, 3.2.2.2; RFC 8446, 6 (alerts)
#pragma once

#include <string>
#include <string_view>

#include "daemon/service/server_address.h"

namespace edgetide {

// The answer to CONNECT, of MQTT 5 or (`protocol` 3) 3.1.1: "not authorized (135); check ...".
std::string refused_connect(int protocol, int code);

// What a line of Paho's trace says of a connect that fails: an unknown host, a TLS alert, a certificate for another
// name. Empty: nothing.
std::string traced_failure(std::string_view line);

// Of a server that can be reached, but whose connection ended without an answer and without a word in the trace.
std::string ended_without_answer(const ServerAddress& server, bool connect_was_sent);

}  // namespace edgetide
