#include "daemon/intake/source_traffic.h"

#include <algorithm>
#include <utility>

namespace edgetide {

namespace {

constexpr std::size_t max_sample_bytes = 200;

}  // namespace

void TrafficCounters::note_refusal(SourceId slot, const DecodedRefusal& refusal) {
  traffic_[index_of(slot)].last_refusal = {refusal.reason, std::string(refusal.where.substr(0, max_sample_bytes)),
                                           refusal.offset};
}

void TrafficCounters::count(SourceId slot, const MessagesWithoutReading& some) {
  auto& routes = traffic_[index_of(slot)].without_reading;
  const auto of = [&](std::string_view route) {
    return std::find_if(routes.begin(), routes.end(), [&](const auto& known) { return known.route == route; });
  };
  auto route = of(some.route);
  if (route == routes.end() && routes.size() >= max_routes_without_reading) route = of(other_routes);
  if (route == routes.end()) {
    const bool is_within = routes.size() < max_routes_without_reading;
    route = routes.insert(route, {is_within ? std::string(some.route) : other_routes});
  }
  route->messages[static_cast<std::size_t>(some.reason)] += some.messages;
}

TrafficCounters::Named TrafficCounters::name_shifted(SourceId slot, ShiftedSensor sensor) {
  SourceTraffic& traffic = traffic_[index_of(slot)];
  const bool is_known = std::any_of(traffic.shifted.begin(), traffic.shifted.end(),
                                    [&](const ShiftedSensor& one) { return one.sensor == sensor.sensor; });
  if (is_known || traffic.has_more_shifted) return Named::known;
  traffic.has_more_shifted = traffic.shifted.size() == max_shifted_sensors;
  if (traffic.has_more_shifted) return Named::beyond_limit;
  traffic.shifted.push_back(std::move(sensor));
  return Named::now;
}

void TrafficCounters::forget_shifted() noexcept {
  for (SourceTraffic& traffic : traffic_) {
    traffic.shifted.clear();
    traffic.has_more_shifted = false;
  }
}

bool TrafficCounters::name_mixed(SourceId slot, MixedLabels labels) {
  std::vector<MixedLabels>& named = traffic_[index_of(slot)].mixed_labels;
  const bool is_known =
      std::any_of(named.begin(), named.end(), [&](const MixedLabels& one) { return one.keys == labels.keys; });
  if (is_known || named.size() == max_mixed_labels) return false;
  named.push_back(std::move(labels));
  return true;
}

void TrafficCounters::forget_mixed() noexcept {
  for (SourceTraffic& traffic : traffic_) traffic.mixed_labels.clear();
}

bool TrafficCounters::impair(SourceId slot, std::string_view reason) {
  std::string& impairment = traffic_[index_of(slot)].impairment;
  if (impairment == reason) return false;
  impairment = reason;
  return true;
}

void TrafficCounters::move_to(const std::vector<std::optional<SourceId>>& former) {
  std::vector<SourceTraffic> traffic(former.size());
  for (std::size_t i = 0; i < former.size(); ++i) {
    if (former[i]) traffic[i] = std::move(traffic_[index_of(*former[i])]);
  }
  traffic_ = std::move(traffic);
}

}  // namespace edgetide
