// The names of what meters measure, by OBIS code.
//
// Thread: pure. Fails: never.
#pragma once

#include <string_view>

namespace edgetide {

// "1-0:1.8.1" is energy_import_t1; empty for a code without a name.
std::string_view dsmr_metric(std::string_view code) noexcept;
// False for identities, versions, messages and logs.
bool is_dsmr_measurement(std::string_view code) noexcept;

// Of a meter on the M-Bus, "0-1:24.2.1": its channel, "1"; empty for other objects.
std::string_view dsmr_channel(std::string_view code) noexcept;
// Of its device type: that of "003" is gas. Of another type: mbus.
std::string_view dsmr_medium(std::string_view device_type) noexcept;

}  // namespace edgetide
