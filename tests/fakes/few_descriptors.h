// Takes every file descriptor but `spare` of them, for as long as it lives. One at a time.
#pragma once

#include <sys/resource.h>
#include <unistd.h>

namespace edgetide::test {

class FewDescriptors {
 public:
  explicit FewDescriptors(int spare) {
    getrlimit(RLIMIT_NOFILE, &before_);
    const int next = dup(STDERR_FILENO);
    close(next);
    rlimit tight = before_;
    tight.rlim_cur = static_cast<rlim_t>(next + spare);
    setrlimit(RLIMIT_NOFILE, &tight);
  }
  ~FewDescriptors() { setrlimit(RLIMIT_NOFILE, &before_); }
  FewDescriptors(const FewDescriptors&) = delete;
  FewDescriptors& operator=(const FewDescriptors&) = delete;

 private:
  rlimit before_{};
};

}  // namespace edgetide::test
