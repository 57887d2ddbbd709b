#include "daemon/monitor/status_text.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include "daemon/monitor/readiness.h"
#include "daemon/monitor/sensor_list.h"
#include "daemon/monitor/text_table.h"
#include "daemon/service/quantity.h"
#include "pipeline/emission.h"
#include "pipeline/time_text.h"

namespace edgetide {

namespace {

std::string lag_text(const GatewayStatus& status, const std::optional<Timestamp>& watermark) {
  return watermark ? short_text(status.now - *watermark) : "-";
}

std::string head_text(const GatewayStatus& status) {
  const std::string reason = why_not_ready(status);
  std::string text = "gateway " + status.id + ", edgetide " + status.version + ", up " +
                     short_text(status.now - status.started_at) + ": " +
                     (reason.empty() ? "ready" : "not ready: " + reason) + '\n';
  text += std::to_string(status.series) + " of " + std::to_string(status.series_limit) + " series, state " +
          bytes_text(status.state_bytes) + " and " + bytes_text(status.state_reserved_bytes) + " reserved of " +
          bytes_text(status.state_max_bytes) + ", resident " + bytes_text(status.process.resident_bytes) + '\n';
  if (!status.listener_error.empty() && status.listener_error != reason) text += status.listener_error + '\n';
  if (!status.control_error.empty()) text += status.control_error + '\n';
  if (!status.reload.successful) {
    text += "the last reload failed: " + to_rfc3339(status.reload.at) +
            (status.reload.reason.empty() ? "" : ": " + status.reload.reason) + '\n';
  }
  return text;
}

std::string notes_text(const SourceStatus& source) {
  std::string text = source.impairment.empty() ? source.connection_error : source.impairment;
  const auto add = [&text](const std::string& note) { text += (text.empty() ? "" : "; ") + note; };
  if (!source.refuses_series.empty()) add("new series are refused, " + source.refuses_series);
  for (const ShiftedSensor& one : source.shifted_sensors) {
    add("times of sensor " + one.sensor + " are " + one.shift + ": " + one.advice);
  }
  if (source.has_more_shifted_sensors) add("more sensors send such times: edgetide sensors --skewed");
  for (const MixedLabels& one : source.mixed_labels) {
    add("readings of one time differ in the labels " + one.text + " and count together, as of " + one.series);
  }
  if (source.awaited) add("watermarks wait for its first reading");
  return text.empty() ? "-" : text;
}

std::string sources_text(const GatewayStatus& status) {
  TextTable table({"SOURCE", "STATE", "MESSAGES", "READINGS", "LATE", "DROPPED", "UNMATCHED", "REFUSED", "SERIES",
                   "IDLE", "LAG", "SLOWEST", "ERROR"});
  for (const SourceStatus& source : status.sources) {
    const Counters& counters = source.counters;
    table.add({source.name, source.connected ? "connected" : "away", std::to_string(source.messages),
               std::to_string(counters.received), std::to_string(counters.of(ReadingOutcome::late_accepted)),
               std::to_string(counters.of(ReadingOutcome::late_dropped)),
               std::to_string(counters.of(ReadingOutcome::unmatched)), std::to_string(counters.refused_total()),
               std::to_string(source.series), std::to_string(source.idle_series),
               lag_text(status, source.watermark.median), lag_text(status, source.watermark.slowest),
               notes_text(source)});
  }
  return table.text();
}

// Nothing if all messages gave readings.
std::string without_reading_text(const GatewayStatus& status) {
  TextTable table({"MESSAGES WITHOUT A READING", "OF ROUTE", "REASON", "COUNT"});
  bool has_some = false;
  for (const SourceStatus& source : status.sources) {
    for (const RouteWithoutReading& route : source.without_reading) {
      for (std::size_t reason = 0; reason < no_reading_count; ++reason) {
        if (route.messages[reason] == 0) continue;
        has_some = true;
        table.add({source.name, route.route.empty() ? "-" : route.route, std::string(name_of(NoReading(reason))),
                   std::to_string(route.messages[reason])});
      }
    }
  }
  return has_some ? '\n' + table.text() : std::string();
}

std::string windows_text(const GatewayStatus& status) {
  TextTable table({"WINDOW", "KIND", "OPEN", "EARLY", "ON TIME", "CORRECTED", "FINAL", "LAG", "SLOWEST"});
  for (const WindowStatus& window : status.windows) {
    table.add({window.name, window.kind, std::to_string(window.open), std::to_string(window.early),
               std::to_string(window.on_time), std::to_string(window.late),
               std::to_string(window.rows_of(RowState::final)), lag_text(status, window.watermark.median),
               lag_text(status, window.watermark.slowest)});
  }
  return table.text();
}

std::string error_text(const SinkStatus& sink) {
  if (!sink.error.empty()) return sink.error;
  if (sink.lost_records == 0) return sink.set_back.empty() ? "-" : sink.set_back;
  return "lost of its outbox: " + std::to_string(sink.lost_records) + " records, up to " +
         std::to_string(sink.lost_rows) + " rows";
}

const char* state_of(const SinkStatus& sink) {
  if (sink.taken_over) return "taken over";
  return sink.connected ? "connected" : "away";
}

std::string sinks_text(const GatewayStatus& status) {
  TextTable table({"SINK", "STATE", "ROWS", "IN OUTBOX", "FOR", "SIZE", "REJECTED", "DROPPED", "ERROR"});
  for (const SinkStatus& sink : status.sinks) {
    table.add({sink.name, state_of(sink), std::to_string(sink.rows), std::to_string(sink.outbox_rows),
               sink.oldest ? short_text(status.now - *sink.oldest) : "-",
               bytes_text(sink.memory_bytes + sink.disk_bytes) + " of " + bytes_text(sink.max_bytes),
               std::to_string(sink.rejected_rows), std::to_string(sink.dropped_rows), error_text(sink)});
  }
  return table.text();
}

std::string storage_text(const GatewayStatus& status) {
  const StorageStatus& storage = status.storage;
  std::string text = "journal     " + bytes_text(storage.journal_bytes) + " of " +
                     bytes_text(storage.journal_max_bytes) + ", " + bytes_text(storage.journal_written_bytes) +
                     " written";
  if (!storage.journal_error.empty()) text += ", cannot be written: " + storage.journal_error;
  text += "\ncheckpoint  ";
  text += storage.checkpoint_at
              ? short_text(status.now - *storage.checkpoint_at) + " ago, " + bytes_text(storage.checkpoint_bytes)
              : "none yet";
  if (!storage.checkpoint_error.empty()) text += ", " + storage.checkpoint_error;
  text += "\nquarantine  " + std::to_string(storage.quarantine_kept) + " readings kept, " +
          std::to_string(storage.quarantine_not_kept) + " only counted";
  if (storage.quarantine_messages_kept + storage.quarantine_messages_not_kept > 0) {
    text += "; " + quantity(storage.quarantine_messages_kept, "message") + " kept, " +
            std::to_string(storage.quarantine_messages_not_kept) + " only counted";
  }
  if (!storage.quarantine_error.empty()) text += ", " + storage.quarantine_error;
  return text + '\n';
}

std::string per_second(std::uint64_t before, std::uint64_t now, double seconds) {
  std::array<char, 32> text{};
  const double rate = now < before || seconds <= 0 ? 0 : static_cast<double>(now - before) / seconds;
  std::snprintf(text.data(), text.size(), rate < 100 ? "%.1f" : "%.0f", rate);
  return text.data();
}

std::uint64_t rows_stored(const GatewayStatus& status) noexcept {
  std::uint64_t rows = 0;
  for (const SinkStatus& sink : status.sinks) rows += sink.rows;
  return rows;
}

std::uint64_t bytes_read(const GatewayStatus& status) noexcept {
  std::uint64_t bytes = 0;
  for (const SourceStatus& source : status.sources) bytes += source.bytes;
  return bytes;
}

std::string rates_text(const GatewayStatus& before, const GatewayStatus& status) {
  const double seconds = static_cast<double>((status.now - before.now).count()) / 1e6;
  const Counters was = total_of(before.sources), is = total_of(status.sources);
  const auto cpu = static_cast<std::uint64_t>(status.process.cpu_seconds * 100);
  const auto cpu_before = static_cast<std::uint64_t>(before.process.cpu_seconds * 100);
  return per_second(was.received, is.received, seconds) + " readings/s, " +
         per_second(bytes_read(before), bytes_read(status), seconds) + " bytes/s, " +
         per_second(was.of(ReadingOutcome::late_dropped), is.of(ReadingOutcome::late_dropped), seconds) + " late/s, " +
         per_second(was.refused_total(), is.refused_total(), seconds) + " refused/s, " +
         per_second(rows_stored(before), rows_stored(status), seconds) + " rows/s, " +
         per_second(cpu_before, cpu, seconds) + " % CPU\n";
}

// Cut to the size of the terminal. Each character counts as one column.
std::string fitted(const std::string& text, std::size_t columns, std::size_t lines) {
  std::string fit;
  std::size_t column = 0, line = 0;
  for (const char c : text) {
    if (c == '\n') {
      column = 0;
      if (++line >= lines) return fit;
      fit += c;
      continue;
    }
    if ((c & 0xC0) != 0x80) ++column;
    if (column <= columns) fit += c;
  }
  return fit;
}

// What does not fit into 80 columns is left to `edgetide status`.
constexpr std::size_t wide_columns = 120;
constexpr std::size_t least_sensor_lines = 7;  // with their head

std::size_t lines_of(const std::string& text) {
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

// Of a table with a head; the last line says how many are left out. Not less than a head and a line.
std::string shortened(const std::string& table, std::size_t lines) {
  const std::size_t all = lines_of(table);
  if (all <= std::max<std::size_t>(lines, 2)) return table;
  const std::size_t shown = std::max<std::size_t>(lines, 2) - 1;
  std::size_t end = 0;
  for (std::size_t i = 0; i < shown; ++i) end = table.find('\n', end) + 1;
  return table.substr(0, end) + "  and " + std::to_string(all - shown) + " more\n";
}

std::string narrow_sources_text(const GatewayStatus& status) {
  TextTable table({"SOURCE", "STATE", "READINGS", "LATE", "DROPPED", "REFUSED", "IDLE", "LAG", "ERROR"});
  for (const SourceStatus& source : status.sources) {
    const Counters& counters = source.counters;
    table.add({source.name, source.connected ? "connected" : "away", std::to_string(counters.received),
               std::to_string(counters.of(ReadingOutcome::late_accepted)),
               std::to_string(counters.of(ReadingOutcome::late_dropped)), std::to_string(counters.refused_total()),
               std::to_string(source.idle_series), lag_text(status, source.watermark.median), notes_text(source)});
  }
  return table.text();
}

std::string narrow_windows_text(const GatewayStatus& status) {
  TextTable table({"WINDOW", "OPEN", "ON TIME", "CORRECTED", "FINAL", "LAG", "SLOWEST"});
  for (const WindowStatus& window : status.windows) {
    table.add({window.name, std::to_string(window.open), std::to_string(window.on_time), std::to_string(window.late),
               std::to_string(window.rows_of(RowState::final)), lag_text(status, window.watermark.median),
               lag_text(status, window.watermark.slowest)});
  }
  return table.text();
}

std::string narrow_sinks_text(const GatewayStatus& status) {
  TextTable table({"SINK", "STATE", "ROWS", "OUTBOX", "FOR", "REJECTED", "DROPPED", "ERROR"});
  for (const SinkStatus& sink : status.sinks) {
    table.add({sink.name, state_of(sink), std::to_string(sink.rows), std::to_string(sink.outbox_rows),
               sink.oldest ? short_text(status.now - *sink.oldest) : "-", std::to_string(sink.rejected_rows),
               std::to_string(sink.dropped_rows), error_text(sink)});
  }
  return table.text();
}

}  // namespace

std::string status_text(const GatewayStatus& status) {
  return head_text(status) + '\n' + sources_text(status) + without_reading_text(status) + '\n' + windows_text(status) +
         '\n' + sinks_text(status) + '\n' + storage_text(status);
}

std::string live_text(const GatewayStatus& before, const GatewayStatus& status, std::size_t columns,
                      std::size_t lines) {
  const bool narrow = columns < wide_columns;
  const std::string head = head_text(status) + rates_text(before, status);
  const std::string sources = narrow ? narrow_sources_text(status) : sources_text(status);
  const std::string windows = narrow ? narrow_windows_text(status) : windows_text(status);
  const std::string sinks = narrow ? narrow_sinks_text(status) : sinks_text(status);
  const std::string sensors =
      narrow ? narrow_sensors_text(status.newest_sensors, status.now) : sensors_text(status.newest_sensors, status.now);
  const std::string all = head + '\n' + sources + '\n' + windows + '\n' + sinks + '\n' + storage_text(status) + '\n';
  if (lines_of(all + sensors) <= lines) return fitted(all + sensors, columns, lines);
  const std::size_t taken = lines_of(head) + std::min(lines_of(sensors), least_sensor_lines);
  std::size_t room = lines - std::min(lines, taken);
  std::string text = head;
  std::size_t left = 3;
  for (const std::string* const table : {&sources, &windows, &sinks}) {
    const std::string part = shortened(*table, room / left--);
    room -= std::min(room, lines_of(part));
    text += part;
  }
  return fitted(text + sensors, columns, lines);
}

}  // namespace edgetide
