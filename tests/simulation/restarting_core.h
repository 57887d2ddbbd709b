// The core of a daemon that dies with its file system, and is started again as a service manager would.
//
// Owns:   files and core. Thread: one. Fails: `start` throws what the core throws if the files are alive.
#pragma once

#include <functional>
#include <memory>
#include <stdexcept>
#include <utility>

#include "daemon/core.h"
#include "tests/fakes/memory_file_system.h"
#include "tests/simulation/death_case.h"

namespace edgetide::test {

class RestartingCore {
 public:
  RestartingCore(GatewayOptions options, Clock& clock, std::uint64_t seed)
      : options_(std::move(options)), clock_(clock), seed_(seed) {}

  MemoryFileSystem files;
  Death death = Death::kill;
  // After how many operations it dies next, asked at each death; 0: not again.
  std::function<std::uint64_t()> next_death = [] { return 0; };

  Core& operator*() { return *core_; }
  Core* operator->() { return core_.get(); }

  // Also through deaths while it starts.
  void start() {
    while (!core_) {
      try {
        core_ = std::make_unique<Core>(options_, files, clock_, Core::Hooks{.fresh_id = 77});
      } catch (const std::runtime_error&) {
        if (!files.dead()) throw;
      }
      if (files.dead()) die();
    }
  }

  void die() {
    core_.reset();
    death == Death::kill ? files.forget_handles() : files.crash(seed_ + ++deaths_);
    files.die_at(next_death());
  }

 private:
  const GatewayOptions options_;
  Clock& clock_;
  const std::uint64_t seed_;
  std::uint64_t deaths_ = 0;
  std::unique_ptr<Core> core_;
};

}  // namespace edgetide::test
