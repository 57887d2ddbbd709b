// Makes a GatewayStatus of the running parts: takes the intake lock briefly, and copies numbers.
//
// Thread: any, while the parts are not being replaced.
// Blocks: as long as the intake lock is held by others; holds it itself for about 0.1 ms at 10,000 series, 1 ms with
//         `detail`.
// Fails:  never.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/intake/intake.h"
#include "daemon/monitor/gateway_status.h"
#include "daemon/monitor/window_explanation.h"
#include "daemon/outbox/sink_worker.h"
#include "daemon/recovery/checkpointer.h"
#include "daemon/recovery/journal_syncer.h"
#include "daemon/sources/configured_source.h"

namespace edgetide {

// The parts whose status is gathered.
struct StatusParts {
  // As configured.
  struct Source {
    std::string_view kind;
    SourceTraits traits;
  };
  struct Sink {
    std::string name;
    std::string_view kind;
    SinkTraits traits;
    std::uint64_t max_bytes = 0;  // of its outbox
    Duration max_lag;
  };
  const Intake& intake;
  const std::vector<std::unique_ptr<SinkWorker>>& workers;
  const JournalSyncer& syncer;
  const Checkpointer& checkpointer;
  const PipelineOptions& pipeline;
  std::vector<Source> sources;  // by slot
  std::vector<Sink> sinks;
  std::uint64_t journal_max_bytes = 0;
  Duration checkpoint_interval;
};

// All but what the gateway itself knows: its id, start, reload, the time since a tick, the process. What lies back is
// dated by the running time since, so that a step of the clock makes nothing older or younger.
GatewayStatus gather_status(const StatusParts& parts, Moment now, StatusDetail detail);

// By the clock as it is now.
inline Timestamp time_of(Duration running, Moment now) noexcept {
  return now.wall - (now.running - running);
}

// By sensor and metric; of `late` and `skewed` those with the most first.
std::vector<SensorStatus> gather_sensors(const StatusParts& parts, SensorChoice choice);

// `sensor` is "sensor", "sensor/metric", or a group as it is written in rows. The reason if there is none.
WindowExplanation explain_window(const StatusParts& parts, std::string_view window, std::string_view sensor);

}  // namespace edgetide
