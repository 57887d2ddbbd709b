// Which boot of the machine this is, and how long ago it began: what relates the running times of two runs of the
// daemon to each other, whatever the wall clock says.
//
// The boot's id is that of the kernel, or the one that the unit passes to a daemon which cannot see it.
//
// Thread: any; the environment does not change. Blocks: reads a small file. Fails: never; boot 0 is not known.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "pipeline/time.h"

namespace edgetide {

struct BootAge {
  std::uint64_t boot = 0;
  Duration age;  // also while the machine was suspended
  bool operator==(const BootAge&) const = default;
};

// "xxxxxxxx-xxxx-..." or 32 hexadecimal digits; 0: anything else.
std::uint64_t boot_of_text(std::string_view text) noexcept;
// Of this machine. `root` instead of "/", for tests.
std::uint64_t this_boot(const std::string& root = "/");

}  // namespace edgetide
