#include "daemon/service/library_reads.h"

#include <atomic>
#include <dlfcn.h>
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

}  // namespace

void check_reads_with(ReadCheck check) noexcept {
  read_check = check;
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
  static auto* const next = edgetide::next_function<ssize_t(int, void*, size_t, int)>("recv");
  const ssize_t count = next(socket, buffer, size, flags);
  if ((flags & edgetide::message_peek) != 0) return count;
  const long known = edgetide::checked_read(socket, buffer, edgetide::ReadBudget::spend(count));
  return edgetide::ReadInspection::look(socket, buffer, known);
}

int edgetide_ssl_read(ssl_st* ssl, void* buffer, int size) {
  static auto* const next = edgetide::next_function<int(ssl_st*, void*, int)>("SSL_read");
  static auto* const socket_of = edgetide::next_function<int(const ssl_st*)>("SSL_get_fd");
  static auto* const shutdown_of = edgetide::next_function<int(const ssl_st*)>("SSL_get_shutdown");
  edgetide::reads_for_tls = true;
  const int count = next(ssl, buffer, size);
  edgetide::reads_for_tls = false;
  if (count > 0) {
    const long known = edgetide::checked_read(socket_of(ssl), buffer, count);
    return static_cast<int>(edgetide::ReadInspection::look(socket_of(ssl), buffer, known));
  }
  if ((shutdown_of(ssl) & edgetide::peer_has_ended) != 0) edgetide::checked_read(socket_of(ssl), buffer, 0);
  return count;
}
}
