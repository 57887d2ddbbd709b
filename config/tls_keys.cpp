#include "config/tls_keys.h"

namespace edgetide {

std::vector<KeySpec> keys::tls_files() {
  return {
      text("ca", "the system's", "File with the certificates to trust."),
      text("cert", "", "File with the client certificate; with `key`."),
      text("key", "", "File with the client's key, or `${credential_path:NAME}`."),
  };
}

void read_tls_files(const Section& tls, TlsFiles files) {
  tls.read("ca", files.ca);
  tls.read("cert", files.cert);
  tls.read("key", files.key);
  tls.refuse_unfit_file("ca", files.ca);
  tls.refuse_unfit_file("cert", files.cert);
  tls.refuse_unfit_file("key", files.key);
  tls.warn_of_missing_file("ca", files.ca);
  tls.warn_of_missing_file("cert", files.cert);
  tls.warn_of_missing_file("key", files.key);
  const bool has_cert = tls.find("cert") != nullptr;
  if (has_cert != (tls.find("key") != nullptr)) tls.error(has_cert ? "cert" : "key", "cert and key come together");
}

}  // namespace edgetide
