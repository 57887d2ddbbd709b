// A file descriptor that closes itself; -1: none. Owns: it. Thread: one owner at a time. Fails: never.
#pragma once

#include <fcntl.h>
#include <unistd.h>
#include <utility>

namespace edgetide {

class Descriptor {
 public:
  explicit Descriptor(int descriptor = -1) noexcept : descriptor_(descriptor) {}
  Descriptor(Descriptor&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    return *this;
  }
  ~Descriptor() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  // The same file under a number of our own, for one that somebody else may close at any time.
  static Descriptor duplicate(int descriptor) noexcept { return Descriptor(::fcntl(descriptor, F_DUPFD_CLOEXEC, 0)); }
  int get() const noexcept { return descriptor_; }
  bool is_open() const noexcept { return descriptor_ >= 0; }
  // It is another's from now on, who closes it.
  int release() noexcept { return std::exchange(descriptor_, -1); }

 private:
  int descriptor_;
};

}  // namespace edgetide
