#include "daemon/service/certificate_strength.h"

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

namespace edgetide {

namespace {

// A client does not check the signature of a root: it trusts it or it does not.
bool is_self_issued(gnutls_x509_crt_t certificate) {
  return gnutls_x509_crt_check_issuer(certificate, certificate) != 0;
}

std::string weakness_of(gnutls_x509_crt_t certificate) {
  unsigned bits = 0;
  const int algorithm = gnutls_x509_crt_get_pk_algorithm(certificate, &bits);
  if (algorithm < 0) return gnutls_strerror(algorithm);
  const auto kind = static_cast<gnutls_pk_algorithm_t>(algorithm);
  if (gnutls_pk_bits_to_sec_param(kind, bits) < GNUTLS_SEC_PARAM_MEDIUM) {
    return std::string("its ") + gnutls_pk_algorithm_get_name(kind) + " key of " + std::to_string(bits) +
           " bits is too weak: RSA needs 2048 bits, a curve 224";
  }
  const int signature = gnutls_x509_crt_get_signature_algorithm(certificate);
  if (signature < 0) return gnutls_strerror(signature);
  const auto sign = static_cast<gnutls_sign_algorithm_t>(signature);
  if (is_self_issued(certificate) || gnutls_sign_is_secure2(sign, GNUTLS_SIGN_FLAG_SECURE_FOR_CERTS) != 0) return {};
  return std::string("it is signed with ") + gnutls_sign_get_name(sign) + ", which is too weak";
}

}  // namespace

std::string certificate_weakness(const std::string& pem) {
  std::string bytes = pem;
  const gnutls_datum_t datum{reinterpret_cast<unsigned char*>(bytes.data()), static_cast<unsigned>(bytes.size())};
  gnutls_x509_crt_t* chain = nullptr;
  unsigned count = 0;
  const int code = gnutls_x509_crt_list_import2(&chain, &count, &datum, GNUTLS_X509_FMT_PEM, 0);
  if (code < 0) return gnutls_strerror(code);
  std::string weakness;
  for (unsigned i = 0; i < count; ++i) {
    if (weakness.empty()) weakness = weakness_of(chain[i]);
    gnutls_x509_crt_deinit(chain[i]);
  }
  gnutls_free(chain);
  return weakness;
}

}  // namespace edgetide
