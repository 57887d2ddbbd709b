#include "daemon/service/tls_server.h"

#include <algorithm>
#include <array>
#include <climits>
#include <new>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdexcept>

#include "daemon/service/regular_file.h"

namespace edgetide {

namespace {

constexpr int tls_security_level = 2;

[[noreturn]] void fail_to_use(const std::string& path) {
  const unsigned long error = ERR_peek_last_error();
  const char* const reason = error == 0 ? nullptr : ERR_reason_error_string(error);
  throw std::runtime_error(path + ": " + (reason == nullptr ? "cannot be used" : reason));
}

void require_fit_file(const std::string& path) {
  if (const std::string error = unfit_for_reading(path); !error.empty()) throw std::runtime_error(path + ' ' + error);
}

}  // namespace

void TlsServer::Free::operator()(ssl_ctx_st* context) const noexcept {
  SSL_CTX_free(context);
}

void TlsServer::Stream::Free::operator()(ssl_st* stream) const noexcept {
  SSL_free(stream);
}

TlsServer::TlsServer(const TlsServerFiles& files) : context_(SSL_CTX_new(TLS_server_method())) {
  if (!context_) throw std::bad_alloc();
  SSL_CTX* const context = context_.get();
  ERR_clear_error();
  SSL_CTX_set_security_level(context, tls_security_level);
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_mode(context,
                   SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
  require_fit_file(files.cert_file);
  require_fit_file(files.key_file);
  if (SSL_CTX_use_certificate_chain_file(context, files.cert_file.c_str()) != 1) fail_to_use(files.cert_file);
  if (SSL_CTX_use_PrivateKey_file(context, files.key_file.c_str(), SSL_FILETYPE_PEM) != 1) fail_to_use(files.key_file);
  if (files.client_ca_file.empty()) return;
  require_fit_file(files.client_ca_file);
  if (SSL_CTX_load_verify_locations(context, files.client_ca_file.c_str(), nullptr) != 1) {
    fail_to_use(files.client_ca_file);
  }
  SSL_CTX_set_client_CA_list(context, SSL_load_client_CA_file(files.client_ca_file.c_str()));
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  // A session that is resumed has the certificate of the one before.
  constexpr std::array<unsigned char, 8> name = {'e', 'd', 'g', 'e', 't', 'i', 'd', 'e'};
  SSL_CTX_set_session_id_context(context, name.data(), name.size());
}

TlsServer::Stream::Stream(const TlsServer& server, int socket) : ssl_(SSL_new(server.context_.get())) {
  if (!ssl_ || SSL_set_fd(ssl_.get(), socket) != 1) throw std::bad_alloc();
  SSL_set_accept_state(ssl_.get());
}

long TlsServer::Stream::outcome_of(int result) noexcept {
  waits_for_room_ = false;
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_WRITE:
      waits_for_room_ = true;
      return again;
    case SSL_ERROR_WANT_READ:
      return again;
    case SSL_ERROR_ZERO_RETURN:
      return 0;
    default:
      return broken;
  }
}

long TlsServer::Stream::read(char* to, std::size_t size) noexcept {
  ERR_clear_error();
  const int got = SSL_read(ssl_.get(), to, static_cast<int>(std::min<std::size_t>(size, INT_MAX)));
  return got > 0 ? got : outcome_of(got);
}

long TlsServer::Stream::write(std::string_view bytes) noexcept {
  ERR_clear_error();
  const int sent = SSL_write(ssl_.get(), bytes.data(), static_cast<int>(std::min<std::size_t>(bytes.size(), INT_MAX)));
  return sent > 0 ? sent : outcome_of(sent);
}

bool TlsServer::Stream::has_pending() const noexcept {
  return SSL_pending(ssl_.get()) > 0;
}

}  // namespace edgetide
