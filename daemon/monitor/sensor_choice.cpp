#include "daemon/monitor/sensor_choice.h"

#include <algorithm>
#include <cmath>
#include <tuple>

namespace edgetide {

namespace {

constexpr Duration ahead_is_skewed = Duration::seconds(1);
constexpr Duration behind_is_skewed = Duration::minutes(1);

// The newest arrival had a bad time.
bool is_bad_last(const SeriesView& view) noexcept {
  return view.bad_time_silence && (!is_heard(view) || *view.bad_time_silence <= view.silence);
}
// Since the newest arrival, good or bad.
Duration silence_of(const SeriesView& view) noexcept {
  return is_bad_last(view) ? *view.bad_time_silence : view.silence;
}
bool is_silent(const SeriesView& view, const PipelineOptions& options) noexcept {
  const Duration timeout = options.sources[index_of(view.source)].time.idle_timeout;
  return timeout != Duration::unlimited() && silence_of(view) >= timeout;
}
// Event time less arrival, of the newest arrival.
std::optional<Duration> ahead_of(const SeriesView& view) noexcept {
  return is_bad_last(view) ? view.bad_time_ahead : view.ahead;
}
Duration size_of(const std::optional<Duration>& ahead) noexcept {
  if (!ahead) return {};
  return *ahead < Duration() ? Duration() - *ahead : *ahead;
}

bool is_chosen(const SeriesView& view, SensorChoice choice, const PipelineOptions& options) noexcept {
  switch (choice) {
    case SensorChoice::late:
      return view.late_accepted + view.late_dropped > 0;
    case SensorChoice::silent:
      return is_silent(view, options);
    case SensorChoice::skewed: {
      const std::optional<Duration> ahead = ahead_of(view);
      return view.bad_time > 0 || (ahead && (*ahead > ahead_is_skewed || *ahead < Duration() - behind_is_skewed));
    }
    case SensorChoice::all:
      break;
  }
  return true;
}

}  // namespace

Duration skew_of(const SeriesView& view) noexcept {
  return size_of(ahead_of(view));
}

SensorStatus sensor_of(const SeriesView& view, const Series& series, const PipelineOptions& options) {
  SensorStatus sensor;
  sensor.source = options.sources[index_of(view.source)].name;
  sensor.sensor = series.sensor;
  sensor.metric = series.metric;
  sensor.unit = series.unit;
  if (is_heard(view)) sensor.newest = view.newest;
  if (is_heard(view) && view.watermark != Timestamp::earliest()) sensor.watermark = view.watermark;
  sensor.silence = silence_of(view);
  sensor.clock_ahead = ahead_of(view);
  sensor.idle = is_silent(view, options);
  sensor.value = view.value;
  sensor.late_accepted = view.late_accepted;
  sensor.late_dropped = view.late_dropped;
  sensor.bad_time = view.bad_time;
  return sensor;
}

std::vector<ChosenSeries> choose_series(const Pipeline& pipeline, SensorChoice choice) {
  std::vector<ChosenSeries> chosen;
  for_each_series(pipeline, [&](const SeriesView& view) {
    if (is_chosen(view, choice, pipeline.options())) chosen.emplace_back(view, pipeline.series().shared(view.id));
  });
  return chosen;
}

std::vector<SensorStatus> sensor_statuses(const std::vector<ChosenSeries>& chosen, SensorChoice choice,
                                          const PipelineOptions& options,
                                          std::span<const std::optional<TimeShift>> shifts) {
  std::vector<SensorStatus> sensors;
  for (const auto& [view, series] : chosen) {
    sensors.push_back(sensor_of(view, *series, options));
    if (sensors.size() <= shifts.size()) sensors.back().shift = shifts[sensors.size() - 1];
  }
  const auto worst_first = [choice](const SensorStatus& sensor) -> std::int64_t {
    if (choice == SensorChoice::late) return -static_cast<std::int64_t>(sensor.late_accepted + sensor.late_dropped);
    if (choice == SensorChoice::skewed) return -size_of(sensor.clock_ahead).count();
    return choice == SensorChoice::silent ? -sensor.silence.count() : 0;
  };
  std::sort(sensors.begin(), sensors.end(), [&](const SensorStatus& a, const SensorStatus& b) {
    return std::forward_as_tuple(worst_first(a), a.sensor, a.metric) <
           std::forward_as_tuple(worst_first(b), b.sensor, b.metric);
  });
  return sensors;
}

}  // namespace edgetide
