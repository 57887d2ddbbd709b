// The files of a `tls = { ca = ..., cert = ..., key = ... }` of a client: whom it trusts, and who it is.
//
// Thread: main. Fails: into the section's report.
#pragma once

#include <string>
#include <vector>

#include "config/key_spec.h"
#include "config/section.h"

namespace edgetide {

namespace keys {

std::vector<KeySpec> tls_files();

}  // namespace keys

struct TlsFiles {
  std::string& ca;    // empty: the system's
  std::string& cert;  // with `key`; empty: none
  std::string& key;
};

void read_tls_files(const Section& tls, TlsFiles files);

}  // namespace edgetide
