// A socket while the loop serves it. Thread: the loop's.
#pragma once

namespace edgetide {

class ServedSocket {
 public:
  virtual ~ServedSocket() = default;
  // False: it is not read until true comes, and no deadline of its peers runs meanwhile.
  virtual void set_reading(bool reading) = 0;
};

}  // namespace edgetide
