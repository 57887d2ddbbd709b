// Everything a running daemon is told, as config/ reads it from TOML.
//
// Thread: plain values. Passwords are inside sources and sinks; print nothing of this struct.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "daemon/enrichment/sensor_table.h"
#include "daemon/log_options.h"
#include "daemon/monitor/monitor.h"
#include "daemon/sources/mqtt_source.h"
#include "daemon/sources/socket_source.h"
#include "daemon/storage/journal_options.h"
#include "daemon/storage/quarantine.h"
#include "pipeline/options.h"
#include "sinks/postgres_sink.h"
#include "sinks/sqlite_sink.h"

namespace edgetide {

struct MqttInput {
  MqttOptions options;
  SourceId id;
};

enum class OutputMode { append, update, complete };
enum class WhenFull { drop_oldest, block };

// Rows a sink has not confirmed.
struct OutboxOptions {
  std::size_t bytes_max = 512 * 1024 * 1024;  // in memory and on disk
  WhenFull when_full = WhenFull::drop_oldest;
  std::size_t memory_max = 4 * 1024 * 1024;  // more: fewer writes to flash while a store is away for a moment
  bool newest_rows_only = true;              // rows that newer ones replace may be left out; false for a stream
  bool operator==(const OutboxOptions&) const = default;
};

struct StdoutOptions {
  bool operator==(const StdoutOptions&) const = default;
};

struct SinkOptions {
  std::string name;
  std::vector<WindowId> inputs;
  OutputMode mode = OutputMode::update;
  OutboxOptions outbox;
  std::variant<PostgresOptions, SqliteOptions, StdoutOptions> store;
};

// Requires: by SourceId a position in `tables`, or none.
struct EnrichmentOptions {
  std::vector<SensorTableInput> tables;
  std::vector<std::optional<std::size_t>> by_source;

  std::vector<std::shared_ptr<const SensorTable>> tables_by_source() const {
    std::vector<std::shared_ptr<const SensorTable>> found;
    for (const auto& table : by_source) found.push_back(table ? tables[*table].table : nullptr);
    return found;
  }
};

struct ClockOptions {
  Duration wait_after_boot = Duration::minutes(5);  // for the clock to be synchronised
  bool operator==(const ClockOptions&) const = default;
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
