#include "daemon/service/service_notify.h"

#include <cstdint>
#include <ctime>
#include <systemd/sd-daemon.h>

namespace edgetide {

ServiceNotify::ServiceNotify() {
  std::uint64_t microseconds = 0;
  if (sd_watchdog_enabled(0, &microseconds) > 0) {
    watchdog_interval_ = Duration::microseconds(static_cast<std::int64_t>(microseconds / 2));
  }
}

void ServiceNotify::ready() {
  sd_notify(0, "READY=1");
}
void ServiceNotify::reloading() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  const std::int64_t microseconds = std::int64_t{now.tv_sec} * 1'000'000 + now.tv_nsec / 1'000;
  sd_notify(0, ("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(microseconds)).c_str());
}
void ServiceNotify::alive() {
  if (watchdog_interval_) sd_notify(0, "WATCHDOG=1");
}
void ServiceNotify::status(const std::string& line) {
  sd_notify(0, ("STATUS=" + line).c_str());
}
void ServiceNotify::stopping() {
  sd_notify(0, "STOPPING=1");
}

}  // namespace edgetide
