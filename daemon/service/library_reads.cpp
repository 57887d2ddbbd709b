#include "daemon/service/library_reads.h"

#include <algorithm>
#include <atomic>
#include <dlfcn.h>
#include <limits>
#include <sys/types.h>

// Under the names that the libraries call, whatever the headers make of them.
extern "C" {
struct ssl_st;
__attribute__((visibility("default"))) ssize_t edgetide_recv(int, void*, size_t, int) __asm__("recv");
__attribute__((visibility("default"))) int edgetide_ssl_read(ssl_st*, void*, int) __asm__("SSL_read");
}

namespace edgetide {

namespace {

constexpr int message_peek = 2;    // MSG_PEEK, whose header would declare recv
constexpr int peer_has_ended = 2;  // SSL_RECEIVED_SHUTDOWN

std::atomic<ReadCheck> read_check = nullptr;
std::atomic<ReadFilter> read_filter = nullptr;
thread_local ReadBudget* read_budget = nullptr;
thread_local ReadInspection* read_inspection = nullptr;
thread_local bool reads_for_tls = false;

template <typename Function>
Function* next_function(const char* name) noexcept {
  return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
}

long checked_read(int socket, const void* bytes, long count) {
  const ReadCheck check = count >= 0 ? read_check.load() : nullptr;
  return check == nullptr ? count : check(socket, bytes, count);
}

std::optional<long> filtered_read(int socket, void* into, std::size_t size, const SocketRead& read) {
  const ReadFilter filter = size > 0 ? read_filter.load() : nullptr;
  return filter == nullptr ? std::nullopt : filter(socket, into, size, read);
}

ssize_t socket_recv(int socket, void* into, std::size_t size, int flags) noexcept {
  static auto* const next = next_function<ssize_t(int, void*, size_t, int)>("recv");
  return next(socket, into, size, flags);
}

int tls_read(ssl_st* ssl, void* into, int size) noexcept {
  static auto* const next = next_function<int(ssl_st*, void*, int)>("SSL_read");
  reads_for_tls = true;
  const int count = next(ssl, into, size);
  reads_for_tls = false;
  return count;
}

int socket_of(const ssl_st* ssl) noexcept {
  static auto* const next = next_function<int(const ssl_st*)>("SSL_get_fd");
  return next(ssl);
}

bool peer_has_ended_tls(const ssl_st* ssl) noexcept {
  static auto* const next = next_function<int(const ssl_st*)>("SSL_get_shutdown");
  return (next(ssl) & peer_has_ended) != 0;
}

long read_plain(void* socket, void* into, std::size_t size) {
  return socket_recv(*static_cast<const int*>(socket), into, size, 0);
}

long read_tls(void* ssl, void* into, std::size_t size) {
  auto* const connection = static_cast<ssl_st*>(ssl);
  const int most = static_cast<int>(std::min<std::size_t>(size, std::numeric_limits<int>::max()));
  const int count = tls_read(connection, into, most);
  if (count > 0) return count;
  return peer_has_ended_tls(connection) ? 0 : -1;
}

}  // namespace

void check_reads_with(ReadCheck check) noexcept {
  read_check = check;
}

void filter_reads_with(ReadFilter filter) noexcept {
  read_filter = filter;
}

ReadBudget::ReadBudget(std::uint64_t max_answer_bytes, std::uint64_t max_bytes) noexcept
    : max_answer_bytes_(max_answer_bytes), max_bytes_(max_bytes) {
  read_budget = this;
}
ReadBudget::~ReadBudget() {
  read_budget = nullptr;
}

void ReadBudget::restart() noexcept {
  if (read_budget != nullptr && !read_budget->is_exceeded_) read_budget->answer_bytes_ = 0;
}

long ReadBudget::spend(long count) noexcept {
  ReadBudget* const budget = read_budget;
  if (budget == nullptr || count <= 0) return count;
  budget->answer_bytes_ += static_cast<std::uint64_t>(count);
  budget->read_bytes_ += static_cast<std::uint64_t>(count);
  budget->is_exceeded_ |= budget->answer_bytes_ > budget->max_answer_bytes_ || budget->read_bytes_ > budget->max_bytes_;
  return budget->is_exceeded_ ? 0 : count;
}

ReadInspection::ReadInspection() noexcept {
  read_inspection = this;
}
ReadInspection::~ReadInspection() {
  read_inspection = nullptr;
}

long ReadInspection::look(int socket, const void* bytes, long count) noexcept {
  if (read_inspection == nullptr || reads_for_tls || count <= 0) return count;
  return read_inspection->accepts(socket, {static_cast<const char*>(bytes), static_cast<std::size_t>(count)}) ? count
                                                                                                              : 0;
}

}  // namespace edgetide

extern "C" {

ssize_t edgetide_recv(int socket, void* buffer, size_t size, int flags) {
  using namespace edgetide;
  if (flags == 0) {
    if (const auto filtered = filtered_read(socket, buffer, size, {read_plain, &socket})) return *filtered;
  }
  const ssize_t count = socket_recv(socket, buffer, size, flags);
  if ((flags & message_peek) != 0) return count;
  const long known = checked_read(socket, buffer, ReadBudget::spend(count));
  return ReadInspection::look(socket, buffer, known);
}

int edgetide_ssl_read(ssl_st* ssl, void* buffer, int size) {
  using namespace edgetide;
  if (size > 0) {
    const auto filtered = filtered_read(socket_of(ssl), buffer, static_cast<std::size_t>(size), {read_tls, ssl});
    if (filtered) return static_cast<int>(*filtered);
  }
  const int count = tls_read(ssl, buffer, size);
  if (count > 0) {
    const long known = checked_read(socket_of(ssl), buffer, count);
    return static_cast<int>(ReadInspection::look(socket_of(ssl), buffer, known));
  }
  if (peer_has_ended_tls(ssl)) checked_read(socket_of(ssl), buffer, 0);
  return count;
}
}
