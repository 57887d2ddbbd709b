// The server's end of TLS, over sockets that do not block: TLS 1.2 or 1.3, security level 2 of OpenSSL, without
// renegotiation. With a CA for clients, each has to have a certificate that it has signed.
//
//   const TlsServer tls({.cert_file = ..., .key_file = ...});
//   TlsServer::Stream stream(tls, socket);
//   stream.read(...), stream.write(...)      the handshake is a part of the first reads
//
// Thread: one at a time per stream. Owns: nothing of the socket.
// Fails:  construction throws std::runtime_error, with the file that cannot be used.
// The only user of OpenSSL's TLS.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

struct ssl_ctx_st;
struct ssl_st;

namespace edgetide {

struct TlsServerFiles {
  std::string cert_file;  // a chain in PEM
  std::string key_file;
  std::string client_ca_file = {};  // empty: clients need no certificate
};

class TlsServer {
 public:
  explicit TlsServer(const TlsServerFiles& files);

  static constexpr long again = -1, broken = -2;

  class Stream {
   public:
    Stream(const TlsServer& server, int socket);

    // Bytes; 0: the peer has ended the stream; `again`, `broken`.
    long read(char* to, std::size_t size) noexcept;
    long write(std::string_view bytes) noexcept;
    // It said `again`, and waits until the socket can be written to.
    bool waits_for_room() const noexcept { return waits_for_room_; }
    // Some bytes were received and decrypted, and not read: the socket does not show them.
    bool has_pending() const noexcept;

   private:
    struct Free {
      void operator()(ssl_st* stream) const noexcept;
    };
    long outcome_of(int result) noexcept;

    std::unique_ptr<ssl_st, Free> ssl_;
    bool waits_for_room_ = false;
  };

 private:
  struct Free {
    void operator()(ssl_ctx_st* context) const noexcept;
  };
  std::unique_ptr<ssl_ctx_st, Free> context_;
};

}  // namespace edgetide
