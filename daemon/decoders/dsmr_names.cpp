#include "daemon/decoders/dsmr_names.h"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <optional>

#include "daemon/decoders/number_text.h"
#include "pipeline/characters.h"

namespace edgetide {

namespace {

struct CodeName {
  std::string_view code, name;
};

// Import is from the grid, export to it; t1 and t2 are the tariffs, l1 to l3 the phases.
constexpr CodeName metrics[] = {
    {"1-0:1.8.0", "energy_import"},
    {"1-0:1.8.1", "energy_import_t1"},
    {"1-0:1.8.2", "energy_import_t2"},
    {"1-0:2.8.0", "energy_export"},
    {"1-0:2.8.1", "energy_export_t1"},
    {"1-0:2.8.2", "energy_export_t2"},
    {"1-0:3.8.0", "reactive_energy_import"},
    {"1-0:4.8.0", "reactive_energy_export"},
    {"1-0:3.8.1", "reactive_energy_import_t1"},
    {"1-0:3.8.2", "reactive_energy_import_t2"},
    {"1-0:4.8.1", "reactive_energy_export_t1"},
    {"1-0:4.8.2", "reactive_energy_export_t2"},
    {"1-0:1.7.0", "power_import"},
    {"1-0:2.7.0", "power_export"},
    {"1-0:3.7.0", "reactive_power_import"},
    {"1-0:4.7.0", "reactive_power_export"},
    {"1-0:21.7.0", "power_import_l1"},
    {"1-0:41.7.0", "power_import_l2"},
    {"1-0:61.7.0", "power_import_l3"},
    {"1-0:22.7.0", "power_export_l1"},
    {"1-0:42.7.0", "power_export_l2"},
    {"1-0:62.7.0", "power_export_l3"},
    {"1-0:23.7.0", "reactive_power_import_l1"},
    {"1-0:43.7.0", "reactive_power_import_l2"},
    {"1-0:63.7.0", "reactive_power_import_l3"},
    {"1-0:24.7.0", "reactive_power_export_l1"},
    {"1-0:44.7.0", "reactive_power_export_l2"},
    {"1-0:64.7.0", "reactive_power_export_l3"},
    {"1-0:32.7.0", "voltage_l1"},
    {"1-0:52.7.0", "voltage_l2"},
    {"1-0:72.7.0", "voltage_l3"},
    {"1-0:31.7.0", "current_l1"},
    {"1-0:51.7.0", "current_l2"},
    {"1-0:71.7.0", "current_l3"},
    {"1-0:32.32.0", "voltage_sags_l1"},
    {"1-0:52.32.0", "voltage_sags_l2"},
    {"1-0:72.32.0", "voltage_sags_l3"},
    {"1-0:32.36.0", "voltage_swells_l1"},
    {"1-0:52.36.0", "voltage_swells_l2"},
    {"1-0:72.36.0", "voltage_swells_l3"},
    {"1-0:1.4.0", "demand_import"},
    {"1-0:2.4.0", "demand_export"},
    {"1-0:1.6.0", "peak_demand_import"},
    {"1-0:31.4.0", "current_limit"},
    {"0-0:17.0.0", "power_limit"},
    {"0-0:96.3.10", "breaker"},
    {"0-0:96.14.0", "tariff"},
    {"0-0:96.7.21", "power_failures"},
    {"0-0:96.7.9", "long_power_failures"},
};

// Behind the medium and channel.
constexpr std::string_view not_measured[] = {
    "0.0.0",    // identity, as other meters give it
    "0.2.8",    // version
    "1.0.0",    // time of the telegram
    "24.1.0",   // device type
    "42.0.0",   // name of the logical device
    "96.1.0",   // identity of a device
    "96.1.1",   //
    "96.1.2",   // EAN, Belgium
    "96.1.4",   // version, Belgium
    "96.13.0",  // message
    "96.13.1",  //
    "98.1.0",   // history of the peak demand
    "99.97.0",  // log of power failures
};

struct Medium {
  unsigned device_type;
  std::string_view name;
};
// See: EN 13757-3, table 3.
constexpr Medium media[] = {{2, "electricity"}, {3, "gas"},      {4, "heat"},  {6, "hot_water"},  {7, "water"},
                            {10, "cooling"},    {11, "cooling"}, {12, "heat"}, {21, "hot_water"}, {22, "water"}};

}  // namespace

std::string_view dsmr_metric(std::string_view code) noexcept {
  const auto metric =
      std::find_if(std::begin(metrics), std::end(metrics), [&](const CodeName& each) { return each.code == code; });
  return metric == std::end(metrics) ? std::string_view() : metric->name;
}

bool is_dsmr_measurement(std::string_view code) noexcept {
  const std::string_view quantity = code.substr(std::min(code.find(':') + 1, code.size()));
  return std::find(std::begin(not_measured), std::end(not_measured), quantity) == std::end(not_measured);
}

std::string_view dsmr_channel(std::string_view code) noexcept {
  constexpr std::size_t channel_at = 2;
  const bool is_external = code.size() > 4 && code.starts_with("0-") && is_digit(code[channel_at]) &&
                           code[channel_at] != '0' && code[channel_at + 1] == ':';
  return is_external ? code.substr(channel_at, 1) : std::string_view();
}

std::string_view dsmr_medium(std::string_view device_type) noexcept {
  const std::optional<std::int64_t> number = exact_integer(device_type);
  const auto medium =
      std::find_if(std::begin(media), std::end(media), [&](const Medium& each) { return number == each.device_type; });
  return medium == std::end(media) ? std::string_view("mbus") : medium->name;
}

}  // namespace edgetide
