// Which sensors `edgetide sensors` and the status page show, and what they say of each.
//
// Units:  times in UTC microseconds of the gateway's wall clock.
// Thread: pure; `choose_series` is short, for the intake lock, and `sensor_statuses` needs no lock.
// Fails:  never.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "daemon/monitor/gateway_status.h"
#include "pipeline/pipeline.h"

namespace edgetide {

// Calls visit(const SeriesView&) for every series that something arrived of.
template <typename Visit>
void for_each_series(const Pipeline& pipeline, Visit&& visit) {
  const auto count = static_cast<std::uint32_t>(pipeline.series().size());
  for (std::uint32_t i = 0; i < count; ++i) {
    if (const auto view = pipeline.view(SeriesId{i})) visit(*view);
  }
}

inline bool is_heard(const SeriesView& view) noexcept {
  return view.newest != Timestamp::earliest();
}

// How far its clock is off, in either direction; zero where that is not known.
Duration skew_of(const SeriesView& view) noexcept;

SensorStatus sensor_of(const SeriesView& view, const Series& series, const PipelineOptions& options);

using ChosenSeries = std::pair<SeriesView, std::shared_ptr<const Series>>;
std::vector<ChosenSeries> choose_series(const Pipeline& pipeline, SensorChoice choice);

// The worst first: most late readings, longest silence, clock furthest off. `shifts` of each, if they are known.
std::vector<SensorStatus> sensor_statuses(const std::vector<ChosenSeries>& chosen, SensorChoice choice,
                                          const PipelineOptions& options,
                                          std::span<const std::optional<TimeShift>> shifts = {});

}  // namespace edgetide
