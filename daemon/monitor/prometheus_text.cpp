#include "daemon/monitor/prometheus_text.h"

#include <array>
#include <charconv>
#include <initializer_list>
#include <string_view>
#include <utility>

#include "daemon/monitor/readiness.h"
#include "sinks/row_json.h"

namespace edgetide {

namespace {

using Labels = std::initializer_list<std::pair<std::string_view, std::string_view>>;

double seconds(Timestamp time) noexcept {
  return static_cast<double>(time.count()) / 1e6;
}
double seconds(Duration duration) noexcept {
  return static_cast<double>(duration.count()) / 1e6;
}

// Writes one metric after another; the samples of a metric follow its head.
class Page {
 public:
  void head(std::string_view name, std::string_view type, std::string_view help) {
    name_ = name;
    text_ += "# HELP edgetide_";
    (((text_ += name) += ' ') += help) += "\n# TYPE edgetide_";
    (((text_ += name) += ' ') += type) += '\n';
  }
  void counter(std::string_view name, std::string_view help) { head(name, "counter", help); }
  void gauge(std::string_view name, std::string_view help) { head(name, "gauge", help); }

  void sample(Labels labels, std::uint64_t value) { sample("", labels, std::to_string(value)); }
  void sample(Labels labels, double value) { sample("", labels, number(value)); }
  void sample(std::string_view suffix, Labels labels, const std::string& value) {
    ((text_ += "edgetide_") += name_) += suffix;
    char before = '{';
    for (const auto& [key, text] : labels) {
      ((text_ += std::exchange(before, ',')) += key) += "=\"";
      escape(text);
      text_ += '"';
    }
    if (before == ',') text_ += '}';
    ((text_ += ' ') += value) += '\n';
  }

  static std::string number(double value) {
    std::array<char, 32> text{};
    return {text.data(), std::to_chars(text.data(), text.data() + text.size(), value).ptr};
  }

  std::string take() { return std::move(text_); }

 private:
  void escape(std::string_view text) {
    for (const char c : text) {
      if (c == '\n') {
        text_ += "\\n";
        continue;
      }
      if (c == '"' || c == '\\') text_ += '\\';
      text_ += c;
    }
  }

  std::string text_;
  std::string_view name_;
};

// One metric with one sample for each of a list.
template <typename List, typename Value>
void counters(Page& page, std::string_view name, std::string_view help, std::string_view label, const List& list,
              Value value) {
  page.counter(name, help);
  for (const auto& each : list) page.sample({{label, each.name}}, value(each));
}
template <typename List, typename Value>
void gauges(Page& page, std::string_view name, std::string_view help, std::string_view label, const List& list,
            Value value) {
  page.gauge(name, help);
  for (const auto& each : list) page.sample({{label, each.name}}, value(each));
}

// As all other counters: since the start.
Counters counters_of(const SourceStatus& source) noexcept {
  Counters total = source.counters;
  return total -= source.counters_before;
}

constexpr bool is_bad_time(std::size_t reason) noexcept {
  return reason == static_cast<std::size_t>(Refusal::too_early) || reason == static_cast<std::size_t>(Refusal::too_old);
}

void add_gateway(Page& page, const GatewayStatus& status) {
  page.gauge("build_info", "Always 1.");
  page.sample({{"version", status.version}}, std::uint64_t{1});
  page.gauge("start_timestamp_seconds", "When the daemon started.");
  page.sample({}, seconds(status.started_at));
  page.gauge("config_last_reload_successful", "1 if the last reload, or else the start, applied the configuration.");
  page.sample({}, std::uint64_t{status.reload.successful});
  page.gauge("config_last_reload_timestamp_seconds", "When the configuration was last read.");
  page.sample({}, seconds(status.reload.at));
  page.gauge("ready", "1 while /readyz answers 200.");
  page.sample({}, std::uint64_t{why_not_ready(status).empty()});
  page.gauge("clock_set", "0 after a boot, until the clock is synchronised or wait_after_boot is over; windows wait.");
  page.sample({}, std::uint64_t{!status.clock_set_within});
  page.gauge("held_readings", "Readings that wait for the clock.");
  page.sample({}, std::uint64_t{status.held_readings});
  page.gauge("series", "Known series; a series is one metric of one sensor.");
  page.sample({}, std::uint64_t{status.series});
  page.gauge("series_limit", "limits.max_series.");
  page.sample({}, std::uint64_t{status.series_limit});
  page.gauge("state_bytes", "Memory of windows and series, at the last trigger.");
  page.sample({}, status.state_bytes);
  page.gauge("state_reserved_bytes",
             "Memory kept free for the rows of open windows; with state_bytes, what is limited.");
  page.sample({}, status.state_reserved_bytes);
  page.gauge("state_max_bytes", "limits.memory.");
  page.sample({}, status.state_max_bytes);
  page.counter("resent_messages_total", "Messages that were delivered again, recognised and not counted twice.");
  page.sample({}, status.resent_messages);
  page.counter("unchanged_readings_total", "Readings that were left out since their value was that before (repeats).");
  page.sample({}, status.unchanged_readings);
  page.counter("forgotten_positions_total",
               "Positions of sources that were forgotten: a source has too many partitions.");
  page.sample({}, status.forgotten_positions);
}

void add_refusals(Page& page, const std::vector<SourceStatus>& sources) {
  page.counter("readings_refused_total", "Readings or messages that were refused before any window, by reason.");
  for (const SourceStatus& source : sources) {
    const Counters since_start = counters_of(source);
    for (std::size_t reason = 0; reason < refusal_count; ++reason) {
      if (is_bad_time(reason) || since_start.refused[reason] == 0) continue;
      page.sample({{"source", source.name}, {"reason", name_of(Refusal(reason))}}, since_start.refused[reason]);
    }
  }
  page.counter("messages_without_reading_total", "Messages that gave no reading, by route and reason.");
  for (const SourceStatus& source : sources) {
    for (const RouteWithoutReading& route : source.without_reading) {
      for (std::size_t reason = 0; reason < no_reading_count; ++reason) {
        if (route.messages[reason] == 0) continue;
        page.sample({{"source", source.name}, {"route", route.route}, {"reason", name_of(NoReading(reason))}},
                    route.messages[reason]);
      }
    }
  }
  page.counter("source_bad_time_total", "Readings whose event time was refused, or replaced by the arrival time.");
  for (const SourceStatus& source : sources) {
    const Counters since_start = counters_of(source);
    for (std::size_t reason = 0; reason < refusal_count; ++reason) {
      if (!is_bad_time(reason)) continue;
      page.sample({{"source", source.name}, {"reason", name_of(Refusal(reason))}}, since_start.refused[reason]);
    }
    page.sample({{"source", source.name}, {"reason", "restamped"}}, since_start.restamped);
  }
}

void add_watermarks(Page& page, const GatewayStatus& status) {
  page.gauge("watermark_lag_seconds", "Wall clock minus the watermark of the active sensors.");
  for (const SourceStatus& source : status.sources) {
    const auto lag = [&](std::string_view of, const std::optional<Timestamp>& watermark) {
      if (watermark) page.sample({{"source", source.name}, {"of", of}}, seconds(status.now - *watermark));
    };
    lag("slowest", source.watermark.slowest);
    lag("median", source.watermark.median);
  }
}

// One histogram, of the source or sink that `label` names.
template <typename Histogram>
void add_buckets(Page& page, std::string_view label, const std::string& name, const Histogram& histogram) {
  std::uint64_t count = 0;
  for (std::size_t i = 0; i < Histogram::bounds; ++i) {
    count += histogram.counts[i];
    page.sample("_bucket", {{label, name}, {"le", Page::number(Histogram::bound_seconds(i))}}, std::to_string(count));
  }
  count += histogram.counts[Histogram::bounds];
  page.sample("_bucket", {{label, name}, {"le", "+Inf"}}, std::to_string(count));
  page.sample("_sum", {{label, name}}, Page::number(seconds(histogram.sum)));
  page.sample("_count", {{label, name}}, std::to_string(count));
}

void add_delays(Page& page, const std::vector<SourceStatus>& sources) {
  page.head("event_delay_seconds", "histogram",
            "Arrival time minus event time: choose max_out_of_orderness from this.");
  for (const SourceStatus& source : sources) add_buckets(page, "source", source.name, source.delays);
}

void add_files(Page& page, const std::vector<SourceStatus>& sources) {
  const auto sample = [&](auto value_of) {
    for (const SourceStatus& source : sources) {
      if (source.files) page.sample({{"source", source.name}}, value_of(*source.files));
    }
  };
  page.counter("source_files_done_total", "Files that were read to their end.");
  sample([](const FileCounts& files) { return files.done; });
  page.gauge("source_files_waiting", "Files with something that is not read yet.");
  sample([](const FileCounts& files) { return files.waiting; });
  page.gauge("source_files_lag_seconds", "Since the first of these changed.");
  sample([](const FileCounts& files) { return seconds(files.lag); });
}

void add_sources(Page& page, const GatewayStatus& status) {
  const auto& sources = status.sources;
  const auto of = [](std::uint64_t value) { return value; };
  gauges(page, "source_connected", "1 while the source can receive.", "source", sources,
         [&](const SourceStatus& source) { return of(source.connected); });
  counters(page, "source_messages_total", "Messages or lines received.", "source", sources,
           [](const SourceStatus& source) { return source.messages; });
  counters(page, "source_bytes_total", "Their bytes.", "source", sources,
           [](const SourceStatus& source) { return source.bytes; });
  counters(page, "source_readings_total", "Readings received, including refused ones.", "source", sources,
           [](const SourceStatus& source) { return counters_of(source).received; });
  counters(page, "source_inexact_readings_total", "Integers beyond 2^53 that a double cannot hold exactly.", "source",
           sources, [](const SourceStatus& source) { return source.inexact; });
  counters(page, "source_mixed_readings_total",
           "Readings received that differ from another of their series and time in labels only, which one window "
           "counts together.",
           "source", sources, [](const SourceStatus& source) { return source.mixed; });
  counters(page, "source_duplicate_readings_total", "Readings dropped as duplicates by windows with deduplicate.",
           "source", sources, [](const SourceStatus& source) { return counters_of(source).duplicates(); });
  counters(page, "source_unmatched_readings_total", "Readings that no window takes.", "source", sources,
           [](const SourceStatus& source) { return counters_of(source).of(ReadingOutcome::unmatched); });
  counters(page, "source_sessions_lost_total", "Times that the broker had forgotten the session.", "source", sources,
           [](const SourceStatus& source) { return source.lost_sessions; });
  page.counter(
      "source_connections_turned_away_total",
      "Connections closed because there were too many, or because another one needed the room of an idle one.");
  for (const SourceStatus& source : sources) {
    for (const EnumWord<TurnedAway>& one : turned_away_words) {
      page.sample({{"source", source.name}, {"reason", one.word}},
                  source.turned_away[static_cast<std::size_t>(one.value)]);
    }
  }
  add_files(page, sources);
  gauges(page, "source_series", "Series whose newest reading came from this source.", "source", sources,
         [&](const SourceStatus& source) { return of(source.series); });
  gauges(page, "idle_series", "Of these, the idle ones.", "source", sources,
         [&](const SourceStatus& source) { return of(source.idle_series); });
  page.counter("late_readings_total", "Readings that arrived after the end of all their windows.");
  for (const SourceStatus& source : sources) {
    page.sample({{"source", source.name}, {"outcome", "accepted"}},
                counters_of(source).of(ReadingOutcome::late_accepted));
    page.sample({{"source", source.name}, {"outcome", "dropped"}},
                counters_of(source).of(ReadingOutcome::late_dropped));
  }
  add_refusals(page, sources);
  add_watermarks(page, status);
  add_delays(page, sources);
}

void add_windows(Page& page, const std::vector<WindowStatus>& windows) {
  gauges(page, "windows_open", "Windows, or panes, that are not final.", "window", windows,
         [](const WindowStatus& window) { return std::uint64_t{window.open}; });
  page.counter("rows_emitted_total", "Rows emitted before the end of their window, at its end, and as corrections.");
  for (const WindowStatus& window : windows) {
    page.sample({{"window", window.name}, {"timing", "early"}}, window.early);
    page.sample({{"window", window.name}, {"timing", "on_time"}}, window.on_time);
    page.sample({{"window", window.name}, {"timing", "late"}}, window.late);
  }
  page.counter("window_rows_total", "Rows emitted, by the state of their window.");
  for (const WindowStatus& window : windows) {
    for (const RowState state : emitted_states) {
      page.sample({{"window", window.name}, {"state", name_of(state)}}, window.rows_of(state));
    }
  }
}

void add_outboxes(Page& page, const std::vector<SinkStatus>& sinks) {
  gauges(page, "outbox_rows", "Rows that the sink has not confirmed yet.", "sink", sinks,
         [](const SinkStatus& sink) { return std::uint64_t{sink.outbox_rows}; });
  gauges(page, "outbox_bytes", "Their bytes, in memory and on disk.", "sink", sinks,
         [](const SinkStatus& sink) { return sink.memory_bytes + sink.disk_bytes; });
  gauges(page, "outbox_max_bytes", "outbox.max_size.", "sink", sinks,
         [](const SinkStatus& sink) { return sink.max_bytes; });
  gauges(page, "outbox_lost_records", "Records of the outbox on disk that were missing or damaged.", "sink", sinks,
         [](const SinkStatus& sink) { return sink.lost_records; });
  gauges(page, "outbox_lost_rows", "Rows in these, at most.", "sink", sinks,
         [](const SinkStatus& sink) { return sink.lost_rows; });
  page.gauge("outbox_oldest_timestamp_seconds",
             "When the oldest of these rows was emitted; absent while there are none.");
  for (const SinkStatus& sink : sinks) {
    if (sink.oldest) page.sample({{"sink", sink.name}}, seconds(*sink.oldest));
  }
}

void add_sinks(Page& page, const std::vector<SinkStatus>& sinks) {
  page.gauge("sink_max_lag_seconds", "max_lag; absent where it has no limit.");
  for (const SinkStatus& sink : sinks) {
    if (sink.max_lag != Duration::unlimited()) page.sample({{"sink", sink.name}}, seconds(sink.max_lag));
  }
  gauges(page, "sink_connected", "1 while the sink accepts rows.", "sink", sinks,
         [](const SinkStatus& sink) { return std::uint64_t{sink.connected}; });
  gauges(page, "sink_needs_person", "1 while only somebody who acts can make the sink go on.", "sink", sinks,
         [](const SinkStatus& sink) { return std::uint64_t{sink.needs_person}; });
  counters(page, "sink_rows_total", "Rows that the sink has stored.", "sink", sinks,
           [](const SinkStatus& sink) { return sink.rows; });
  counters(page, "sink_rejected_rows_total", "Rows that the sink rejected for good.", "sink", sinks,
           [](const SinkStatus& sink) { return sink.rejected_rows; });
  page.counter("sink_dropped_rows_total", "Rows that were dropped because the outbox was full.");
  for (const SinkStatus& sink : sinks) page.sample({{"sink", sink.name}, {"reason", "outbox_full"}}, sink.dropped_rows);
  counters(page, "sink_redelivered_rows_total", "Rows that were delivered again because the store had lost them.",
           "sink", sinks, [](const SinkStatus& sink) { return sink.redelivered_rows; });
  page.counter("sink_errors_total", "Failed deliveries; each is tried again.");
  for (const SinkStatus& sink : sinks) {
    page.sample({{"sink", sink.name}, {"kind", "refused"}}, sink.failures);
    page.sample({{"sink", sink.name}, {"kind", "in_doubt"}}, sink.in_doubt);
  }
  page.head("sink_write_duration_seconds", "histogram", "How long the store took for one delivery of rows.");
  for (const SinkStatus& sink : sinks) add_buckets(page, "sink", sink.name, sink.writes);
  add_outboxes(page, sinks);
}

void add_storage(Page& page, const StorageStatus& storage) {
  page.gauge("journal_ready", "1 while readings can be written to the journal.");
  page.sample({}, std::uint64_t{storage.journal_error.empty()});
  page.gauge("journal_bytes", "Disk space of the journal.");
  page.sample({}, storage.journal_bytes);
  page.gauge("journal_max_bytes", "journal.max_size.");
  page.sample({}, storage.journal_max_bytes);
  page.counter("journal_written_bytes_total", "Bytes written to the journal.");
  page.sample({}, storage.journal_written_bytes);
  page.counter("journal_failed_syncs_total", "Failed syncs of the journal.");
  page.sample({}, storage.failed_syncs);
  page.gauge("checkpoint_last_success_timestamp_seconds", "When the newest checkpoint was taken; absent without one.");
  if (storage.checkpoint_at) page.sample({}, seconds(*storage.checkpoint_at));
  page.gauge("checkpoint_duration_seconds", "How long the newest checkpoint took; intake continues meanwhile.");
  if (storage.checkpoint_at) page.sample({}, seconds(storage.checkpoint_took));
  page.gauge("checkpoint_bytes", "Size of the newest checkpoint.");
  page.sample({}, storage.checkpoint_bytes);
  page.counter("checkpoints_total", "Checkpoints written.");
  page.sample({}, storage.checkpoints);
  page.counter("quarantine_readings_total", "Readings that entered no window, kept in the quarantine or only counted.");
  page.sample({{"outcome", "kept"}}, storage.quarantine_kept);
  page.sample({{"outcome", "counted"}}, storage.quarantine_not_kept);
  page.counter("quarantine_messages_total", "Messages that gave no reading, kept in the quarantine or only counted.");
  page.sample({{"outcome", "kept"}}, storage.quarantine_messages_kept);
  page.sample({{"outcome", "counted"}}, storage.quarantine_messages_not_kept);
}

// These have the names that all exporters use.
void add_process(std::string& text, const GatewayStatus& status) {
  const auto add = [&](std::string_view name, std::string_view type, std::string_view help, const std::string& value) {
    ((((text += "# HELP process_") += name) += ' ') += help) += '\n';
    ((((text += "# TYPE process_") += name) += ' ') += type) += '\n';
    ((((text += "process_") += name) += ' ') += value) += '\n';
  };
  const ProcessFacts& process = status.process;
  add("cpu_seconds_total", "counter", "User and system CPU time, in seconds.", Page::number(process.cpu_seconds));
  add("resident_memory_bytes", "gauge", "Resident memory, in bytes.", std::to_string(process.resident_bytes));
  add("open_fds", "gauge", "Open file descriptors.", std::to_string(process.open_files));
  add("max_fds", "gauge", "The most file descriptors that may be open.", std::to_string(process.max_open_files));
  add("threads", "gauge", "Threads.", std::to_string(process.threads));
  add("start_time_seconds", "gauge", "When the process started, in seconds since 1970.",
      Page::number(seconds(status.started_at)));
}

}  // namespace

std::string prometheus_text(const GatewayStatus& status) {
  Page page;
  add_gateway(page, status);
  add_sources(page, status);
  add_windows(page, status.windows);
  add_sinks(page, status.sinks);
  add_storage(page, status.storage);
  std::string text = page.take();
  add_process(text, status);
  return text;
}

}  // namespace edgetide
