#include "daemon/decoders/units.h"

namespace edgetide {

namespace {

enum class Quantity {
  temperature,
  power,
  reactive_power,
  apparent_power,
  energy,
  voltage,
  current,
  charge,
  resistance,
  frequency,
  pressure,
  length,
  mass,
  volume,
  volume_flow,
  speed,
  illuminance,
  concentration,
  share,
  duration,
};

// value in the base unit = (value + shift) * multiply / divide. Two integers keep the usual conversions exact.
struct Unit {
  std::string_view name;
  Quantity quantity;
  double shift = 0;
  double multiply = 1;
  double divide = 1;
  bool takes_prefix = false;
};

constexpr Unit prefixed(std::string_view name, Quantity quantity, double multiply = 1, double divide = 1) {
  return {name, quantity, 0, multiply, divide, true};
}

constexpr Unit units[] = {
    {"°C", Quantity::temperature},
    {"C", Quantity::temperature},
    {"degC", Quantity::temperature},
    {"℃", Quantity::temperature},
    {"\xb0"
     "C",
     Quantity::temperature},  // ISO 8859-1
    {"°F", Quantity::temperature, -32, 5, 9},
    {"F", Quantity::temperature, -32, 5, 9},
    {"degF", Quantity::temperature, -32, 5, 9},
    {"℉", Quantity::temperature, -32, 5, 9},
    {"\xb0"
     "F",
     Quantity::temperature, -32, 5, 9},
    {"K", Quantity::temperature, -273.15},
    prefixed("W", Quantity::power),
    prefixed("VA", Quantity::apparent_power),
    prefixed("var", Quantity::reactive_power),
    prefixed("VAr", Quantity::reactive_power),
    prefixed("Wh", Quantity::energy, 3600),
    prefixed("J", Quantity::energy),
    prefixed("V", Quantity::voltage),
    prefixed("A", Quantity::current),
    prefixed("Ah", Quantity::charge),
    prefixed("Ω", Quantity::resistance),
    prefixed("Ohm", Quantity::resistance),
    prefixed("ohm", Quantity::resistance),
    prefixed("Hz", Quantity::frequency),
    {"rpm", Quantity::frequency, 0, 1, 60},
    prefixed("Pa", Quantity::pressure),
    prefixed("bar", Quantity::pressure, 100'000),
    {"psi", Quantity::pressure, 0, 6894.757293168},
    {"mmHg", Quantity::pressure, 0, 133.322387415},
    {"inHg", Quantity::pressure, 0, 3386.389},
    {"atm", Quantity::pressure, 0, 101'325},
    prefixed("m", Quantity::length),
    {"in", Quantity::length, 0, 254, 10'000},
    {"ft", Quantity::length, 0, 3048, 10'000},
    {"mi", Quantity::length, 0, 1'609'344, 1000},
    prefixed("g", Quantity::mass),
    {"t", Quantity::mass, 0, 1'000'000},
    {"lb", Quantity::mass, 0, 45'359'237, 100'000},
    prefixed("l", Quantity::volume),
    prefixed("L", Quantity::volume),
    {"m³", Quantity::volume, 0, 1000},
    {"m3", Quantity::volume, 0, 1000},
    {"l/s", Quantity::volume_flow, 0, 3600},
    {"L/s", Quantity::volume_flow, 0, 3600},
    {"l/min", Quantity::volume_flow, 0, 60},
    {"L/min", Quantity::volume_flow, 0, 60},
    {"l/h", Quantity::volume_flow},
    {"L/h", Quantity::volume_flow},
    {"m³/h", Quantity::volume_flow, 0, 1000},
    {"m3/h", Quantity::volume_flow, 0, 1000},
    {"m/s", Quantity::speed},
    {"km/h", Quantity::speed, 0, 10, 36},
    {"mph", Quantity::speed, 0, 44'704, 100'000},
    {"kn", Quantity::speed, 0, 1852, 3600},
    prefixed("lx", Quantity::illuminance),
    {"lux", Quantity::illuminance},
    {"µg/m³", Quantity::concentration},
    {"ug/m3", Quantity::concentration},
    {"mg/m³", Quantity::concentration, 0, 1000},
    {"%", Quantity::share},
    {"‰", Quantity::share, 0, 1, 10},
    {"ppm", Quantity::share, 0, 1, 10'000},
    {"ppb", Quantity::share, 0, 1, 10'000'000},
    prefixed("s", Quantity::duration),
    {"min", Quantity::duration, 0, 60},
    {"h", Quantity::duration, 0, 3600},
    {"d", Quantity::duration, 0, 86'400},
};

struct Prefix {
  std::string_view text;
  double multiply;
  double divide;
};
constexpr Prefix prefixes[] = {{"n", 1, 1e9}, {"µ", 1, 1e6}, {"μ", 1, 1e6}, {"u", 1, 1e6},
                               {"m", 1, 1e3}, {"c", 1, 100}, {"d", 1, 10},  {"h", 100, 1},
                               {"k", 1e3, 1}, {"M", 1e6, 1}, {"G", 1e9, 1}, {"T", 1e12, 1}};

const Unit* unit_named(std::string_view name) noexcept {
  for (const Unit& unit : units) {
    if (unit.name == name) return &unit;
  }
  return nullptr;
}

// A whole name goes before a prefix: "min" is a minute, not a milli-inch.
std::optional<Unit> unit_of(std::string_view name) noexcept {
  if (const Unit* const whole = unit_named(name)) return *whole;
  for (const Prefix& prefix : prefixes) {
    if (!name.starts_with(prefix.text)) continue;
    const Unit* const base = unit_named(name.substr(prefix.text.size()));
    if (base == nullptr || !base->takes_prefix) continue;
    Unit unit = *base;
    unit.multiply *= prefix.multiply;
    unit.divide *= prefix.divide;
    return unit;
  }
  return std::nullopt;
}

}  // namespace

std::optional<UnitConversion> unit_conversion(std::string_view from, std::string_view to) noexcept {
  const std::optional<Unit> source = unit_of(from), target = unit_of(to);
  if (!source || !target || source->quantity != target->quantity) return std::nullopt;
  return UnitConversion{source->shift, source->multiply * target->divide, source->divide * target->multiply,
                        target->shift};
}

std::optional<double> converted(double value, std::string_view from, std::string_view to) noexcept {
  if (from == to) return value;
  const std::optional<UnitConversion> conversion = unit_conversion(from, to);
  return conversion ? std::optional((*conversion)(value)) : std::nullopt;
}

}  // namespace edgetide
