// All options of the daemon, as config/ reads them from TOML.
//
// Thread: plain values. Passwords are inside sources and sinks; never print this struct.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "daemon/enrichment/enrichment.h"
#include "daemon/monitor/monitor.h"
#include "daemon/outbox/outbox_options.h"
#include "daemon/service/clock.h"
#include "daemon/service/log_options.h"
#include "daemon/sources/mqtt_source.h"
#include "daemon/sources/socket_source.h"
#include "daemon/storage/journal_options.h"
#include "daemon/storage/quarantine.h"
#include "pipeline/options.h"
#include "sinks/postgres_sink.h"
#include "sinks/sqlite_sink.h"
#include "sinks/stdout_sink.h"

namespace edgetide {

struct MqttInput {
  MqttOptions options;
  SourceId id;
};

struct SinkOptions {
  std::string name;
  std::vector<WindowId> inputs;
  OutputMode mode = OutputMode::update;
  OutboxOptions outbox;
  std::variant<PostgresOptions, SqliteOptions, StdoutOptions> store;
};

struct GatewayOptions {
  std::string id;               // unique per database; default: host name
  std::string state_directory;  // absolute; default $STATE_DIRECTORY, else /var/lib/edgetide
  LogOptions log;
  ClockOptions clock;
  PipelineOptions pipeline;  // its sources are those of `mqtt` and `sockets`, by SourceId
  EnrichmentOptions enrichment;
  std::vector<MqttInput> mqtt;
  std::vector<SocketInput> sockets;
  std::vector<SinkOptions> sinks;
  QuarantineOptions quarantine;
  JournalOptions journal;
  CheckpointOptions checkpoint;
  MonitorOptions monitor;
};

}  // namespace edgetide
