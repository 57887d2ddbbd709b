#include "sinks/command_errors.h"

#include <array>
#include <cerrno>
#include <cstdint>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <utility>

namespace edgetide {

namespace {

constexpr std::size_t max_line_bytes = 1024;
constexpr int last_reads = 64;  // of a process that has left its group, and writes without end

}  // namespace

CommandErrors::CommandErrors(Descriptor from, Tell tell)
    : from_(std::move(from)), stop_(::eventfd(0, EFD_CLOEXEC)), tell_(std::move(tell)), thread_([this] { run(); }) {
  ::pthread_setname_np(thread_.native_handle(), "command-errors");
}

CommandErrors::~CommandErrors() {
  const std::uint64_t one = 1;
  static_cast<void>(::write(stop_.get(), &one, sizeof one) == sizeof one);
  thread_.join();
}

void CommandErrors::run() noexcept {
  std::array<pollfd, 2> ready{pollfd{from_.get(), POLLIN, 0}, pollfd{stop_.get(), POLLIN, 0}};
  int left = last_reads;
  while (::poll(ready.data(), ready.size(), -1) >= 0 || errno == EINTR) {
    const bool stops = ready[1].revents != 0;
    if (ready[0].revents != 0 ? !read_some() : stops) break;
    if (stops && --left == 0) break;
  }
  if (!line_.empty()) tell_(line_);
}

// False: it has ended.
bool CommandErrors::read_some() {
  char bytes[4096];
  const ssize_t count = ::read(from_.get(), bytes, sizeof bytes);
  if (count < 0) return errno == EAGAIN || errno == EINTR;
  for (const char c : std::string_view(bytes, static_cast<std::size_t>(count))) {
    if (c != '\n') {
      if (line_.size() < max_line_bytes) line_ += c;
      continue;
    }
    if (!line_.empty()) tell_(line_);
    line_.clear();
  }
  return count > 0;
}

}  // namespace edgetide
