// Keys that listeners share: who may connect, and with which certificate and token.
//
// Thread: main. Fails: into the section's report.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/section.h"

namespace edgetide {

// `allow`: the networks of peers that may send.
void read_allow(const Section& section, std::vector<std::string>& allow);

// `cert_file` and `key_file`, which belong together.
void read_certificate(const Section& section, std::string& cert_file, std::string& key_file);

// What the errors of a source that listens say.
struct ListenerWords {
  std::string_view address;  // of its type, as an example
  std::string_view who;      // "send, with token or allow"
  std::string_view example;  // of one of these
};
// Beyond loopback: TLS, or plain text that is allowed, with `allow`; and something that says who its peers are.
void check_reachable(const Section& section, const std::string& listen, bool allow_plaintext, bool knows_peers,
                     const ListenerWords& words);

// `cert_file`, `key_file` and `token`. `without_token`: what an empty token would mean, "everyone could send".
void read_certificate_and_token(const Section& section, std::string& cert_file, std::string& key_file,
                                std::string& token, std::string_view without_token);

}  // namespace edgetide
