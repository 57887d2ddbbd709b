// All options of the daemon, as config/ reads them from TOML.
//
// Sources and sinks stand here without their types; config/parts.h has the table of those.
//
// Thread: plain values. Passwords are inside sources and sinks; never print this struct.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "daemon/enrichment/enrichment.h"
#include "daemon/monitor/monitor_options.h"
#include "daemon/outbox/outbox_options.h"
#include "daemon/outbox/row_selection.h"
#include "daemon/service/clock.h"
#include "daemon/service/log_options.h"
#include "daemon/sources/configured_source.h"
#include "daemon/storage/journal_options.h"
#include "daemon/storage/quarantine_options.h"
#include "pipeline/options.h"
#include "sinks/configured_sink.h"

namespace edgetide {

struct SinkOptions {
  std::string name;
  std::string type;  // "sqlite"
  std::vector<WindowId> inputs;
  OutputMode mode = OutputMode::update;
  RowParts parts = RowParts::named;
  FilterOptions filter;
  OutboxOptions outbox;
  std::shared_ptr<const ConfiguredSink> store;
};

// Of the rows that it gets, by input.
inline std::vector<WindowSchema> schemas_of(const std::vector<WindowOptions>& windows, const SinkOptions& sink) {
  return schemas_of(windows, sink.inputs, sink.store->traits().kind, sink.filter.on, sink.parts);
}

struct GatewayOptions {
  std::string id;               // unique per database; default: host name
  std::string state_directory;  // absolute; default $STATE_DIRECTORY, else /var/lib/edgetide
  LogOptions log;
  ClockOptions clock;
  PipelineOptions pipeline;  // its sources are those of `sources`, by SourceId
  EnrichmentOptions enrichment;
  std::vector<SourceInput> sources;
  std::vector<SinkOptions> sinks;
  QuarantineOptions quarantine;
  JournalOptions journal;
  CheckpointOptions checkpoint;
  MonitorOptions monitor;
};

}  // namespace edgetide
