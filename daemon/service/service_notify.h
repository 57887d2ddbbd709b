// Reports the daemon's state to the service manager (sd_notify); does nothing without one.
//
// Thread: main. Fails: never; a service manager that does not listen does not stop the daemon.
// The only user of libsystemd's sd-daemon.
#pragma once

#include <optional>
#include <string>

#include "pipeline/time.h"

namespace edgetide {

class ServiceNotify {
 public:
  ServiceNotify();

  // How often `alive` must be called, if the service manager watches; half of what it grants.
  std::optional<Duration> watchdog_interval() const noexcept { return watchdog_interval_; }

  void ready();
  void reloading();  // until `ready`
  void alive();
  void status(const std::string& line);
  void stopping();

 private:
  std::optional<Duration> watchdog_interval_;
};

}  // namespace edgetide
