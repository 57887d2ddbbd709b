// A socket while the loop serves it. Thread: the loop's.
#pragma once

#include <cstdint>

namespace edgetide {

class ServedSocket {
 public:
  virtual ~ServedSocket() = default;
  // False: it is not read until true comes, and no deadline of its peers runs meanwhile.
  virtual void set_reading(bool reading) = 0;
  // What was taken up to this record survives a power cut: peers may hear of it.
  virtual void durable(std::uint64_t through) = 0;
};

}  // namespace edgetide
