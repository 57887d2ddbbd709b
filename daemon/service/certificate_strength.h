// Whether a certificate is as strong as OpenSSL's security level 2 asks for, which the other TLS connections of the
// daemon have: 112 bits, so RSA keys of 2048 bits or curves of 224, and no signature with SHA-1 or MD5. GnuTLS, with
// which the HTTP server speaks TLS, looks at the certificates of others only.
//
// Thread: pure. The only user of GnuTLS.
#pragma once

#include <string>

namespace edgetide {

// Of a chain in PEM: why it is too weak, or cannot be read; empty: it is not.
std::string certificate_weakness(const std::string& pem);

}  // namespace edgetide
