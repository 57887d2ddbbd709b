#include "config/key_groups.h"

#include "config/key_spec.h"
#include "daemon/decoders/id_text.h"
#include "daemon/gateway_options.h"

namespace edgetide::keys {

namespace {

constexpr std::int64_t max_size = std::int64_t{1} << 30;  // fits size_t on 32-bit boards

}  // namespace

KeyGroup top_keys() {
  return {"The file",
          "",
          {
              integer("config_version", 1, 1, 1, "The version of these keys for which the file is written."),
              of_type(ValueType::text_list, "include", "[]",
                      "Further files to read, relative to this one, such as `conf.d/*.toml`. Only the last part may "
                      "have a `*`; "
                      "its matches are read in byte order. Not allowed in included files."),
              of_type(ValueType::table, "gateway", "", "See below."),
              of_type(ValueType::table, "log", "", "See below."),
              of_type(ValueType::table, "http", "", "See below."),
              of_type(ValueType::table, "metrics", "", "See below."),
              of_type(ValueType::table, "time", "", "See below."),
              of_type(ValueType::table, "limits", "", "See below."),
              of_type(ValueType::table, "clock", "", "See below."),
              of_type(ValueType::table, "journal", "", "See below."),
              of_type(ValueType::table, "checkpoint", "", "See below."),
              of_type(ValueType::table, "quarantine", "", "See below."),
              of_type(ValueType::table, "sources", "", "A table per source, `[sources.NAME]`."),
              of_type(ValueType::table, "tables", "", "A table per sensor table, `[tables.NAME]`."),
              of_type(ValueType::table, "windows", "", "A table per window, `[windows.NAME]`."),
              of_type(ValueType::table, "sinks", "", "A table per sink, `[sinks.NAME]`."),
              of_type(ValueType::table_list, "tests", "", "What `edgetide test` tries, `[[tests]]`."),
          }};
}

KeyGroup gateway_keys() {
  return {"[gateway]",
          "",
          {
              on_reload(OnReload::restart,
                        text("id", "the host name", "Unique per database. 1 to 64 of `A-Z a-z 0-9 _ . : -`.")),
              on_reload(OnReload::restart, text("state_directory", "`$STATE_DIRECTORY`, else \"/var/lib/edgetide\"",
                                                "Where the gateway keeps its files; an absolute path.")),
          }};
}

KeyGroup log_keys() {
  const LogOptions standard;
  return {"[log]",
          "",
          {
              word("level", log_level_words, standard.level, "The least important message that is logged."),
              on_reload(OnReload::restart, word("target", log_target_words, standard.target,
                                                "`auto`: the journal under systemd, else standard error.")),
          }};
}

KeyGroup clock_keys() {
  return {"[clock]",
          "",
          {
              duration("wait_after_boot", ClockOptions().wait_after_boot, Duration(), Duration::days(1),
                       "After a boot the clock may be wrong until it is synchronised. Until then, but at most for this "
                       "long after the boot, readings are journaled and held. Then those without a time get the right "
                       "one, and all enter their windows. `\"0s\"`: readings are never held."),
          }};
}

KeyGroup http_keys() {
  return {
      "[http]",
      "A status page at `/`, `/metrics` for Prometheus, `/healthz`, `/readyz`, `/status.json`. All endpoints "
      "are read-only.",
      {
          text("listen", in_quotes(MonitorOptions().http.listen),
               "A numeric address and a port; \"\" switches it off. Everyone who can connect can see names and "
               "values of sensors: beyond loopback, put a proxy with a password in front of it."),
          of_type(ValueType::text_list, "hosts", "[]",
                  "Names, without a port, by which browsers and proxies may call it (the `Host` header), besides "
                  "`localhost`, loopback addresses and the address of `listen`; of `0.0.0.0` and `[::]` any address. "
                  "Requests for other names are refused."),
      }};
}

KeyGroup metrics_keys() {
  return {"[metrics]",
          "A second listener, for scrapers: only `/metrics` and `/healthz`, without the name of any sensor. A request "
          "has 5 s.",
          {
              text("listen", "\"\"", "A numeric address and a port, such as `0.0.0.0:9464`; \"\" switches it off."),
              text("cert_file", "", "Path of a certificate chain in PEM. With it and `key_file`: TLS 1.2 or 1.3 only."),
              text("key_file", "", "Path of its private key in PEM, such as `${credential_path:NAME}`."),
              free_text(text("token", "",
                             "A request needs `Authorization: Bearer TOKEN`. A secret: use `${credential:NAME}` or "
                             "`${file:/PATH}`.")),
          }};
}

KeyGroup time_keys() {
  const TimeOptions standard;
  const Duration zero, shortest = Duration::microseconds(1);
  return {
      "[time]",
      "How event times are handled. A source may have these keys too; they then apply to that source only.",
      {
          duration("max_out_of_orderness", standard.max_out_of_orderness, zero, Duration::unlimited(),
                   "The watermark of a sensor trails its newest event time by this. Longer: windows close later, "
                   "fewer readings are late."),
          duration_or_none("idle_timeout", standard.idle_timeout, shortest,
                           "A sensor silent for this long no longer holds its windows open."),
          word("scope", watermark_scope_words, standard.scope,
               "Which watermark decides whether a reading is late: that of its sensor, of the slowest active sensor of "
               "its source, of the slowest active source, or, with `stream`, the newest event time of its source less "
               "`max_out_of_orderness`, for keys that are no sensors. `global` waits for the first reading of every "
               "source, until it was listened to for `idle_timeout`."),
          duration_or_none("max_future", standard.max_future, zero,
                           "Event times more than this after the arrival are bad times."),
          duration_or_none("oldest", standard.oldest, shortest,
                           "Event times more than this before the arrival are bad times."),
          word("on_bad_time", bad_time_policy_words, standard.on_bad_time,
               "What happens to a reading with a bad time, also one that cannot be read; it is always counted. "
               "`quarantine` "
               "keeps it for inspection, if it has a time, and `use_arrival` replaces its time by the arrival time."),
      }};
}

KeyGroup limits_keys() {
  return {"[limits]",
          "",
          {
              integer("max_series", static_cast<std::int64_t>(PipelineOptions().max_series), 1, 10'000'000,
                      "How many series (a metric of a sensor) are kept, not counting derived ones. Readings of further "
                      "series are refused and counted, unless an idle series without open windows can be evicted."),
              integer("new_series_per_minute", static_cast<std::int64_t>(PipelineOptions().new_series_per_minute), 1,
                      1'000'000'000,
                      "How many new series one source may add, once half of `max_series` are there; further series are "
                      "refused."),
              size("memory", PipelineOptions().max_memory_bytes, 1024 * 1024, max_size,
                   "For series and the state of windows, as the allocator counts. At the limit, readings are refused "
                   "that would need more: of new series, in new windows, or where an aggregate keeps readings. Windows "
                   "that are open continue. A restart needs no more. While a checkpoint is written the daemon may take "
                   "twice this and 64 MiB: the log says so at the start if that is more than it may have "
                   "(`MemoryMax=`)."),
              on_reload(OnReload::new_source, integer("max_id_bytes", static_cast<std::int64_t>(max_id_bytes), 1,
                                                      static_cast<std::int64_t>(most_id_bytes),
                                                      "Of names in messages, for routes that say none.")),
          }};
}

KeyGroup journal_keys() {
  const JournalOptions standard;
  return {
      "[journal]",
      "Readings are written to disk before they are acknowledged, so that a restart loses none of them.",
      {
          word("durability", durability_words, standard.durability,
               "Which acknowledged readings are safe. `none`: only those in the last checkpoint. `crash`: all if "
               "edgetide dies; a power cut may lose the last sync_interval. `power`: all, at the cost of one sync per "
               "acknowledgement."),
          duration("sync_interval", standard.sync_interval, Duration::milliseconds(10), Duration::minutes(1),
                   "With `crash`: how much a power cut may lose. Longer: fewer writes to flash."),
          size("max_size", standard.max_bytes, 16 * 1024 * 1024, max_size,
               "Disk space. Records that all kept checkpoints contain are removed, so it only fills up while no "
               "checkpoint can be written."),
          word("when_full", journal_full_words, standard.when_full,
               "`block` makes intake wait; `drop_newest` refuses readings and counts them."),
      }};
}

KeyGroup checkpoint_keys() {
  const CheckpointOptions standard;
  return {
      "[checkpoint]",
      "The whole state in one file, from which a restart continues: `edgetide checkpoint show`.",
      {
          duration(
              "interval", standard.interval, Duration::seconds(1), Duration::hours(1),
              "How often a checkpoint is written. Longer: fewer writes to flash, more journal to replay at a restart."),
          integer("keep", static_cast<std::int64_t>(standard.keep), 1, 16,
                  "How many checkpoints are kept, in case the newest cannot be read. 1: no fallback."),
      }};
}

KeyGroup quarantine_keys() {
  return {"[quarantine]",
          "Readings that entered no window, because they were too late or had a bad time, and messages that gave no "
          "reading, are kept in the state directory: `edgetide quarantine list`. Of a message its topic and 4 KiB of "
          "its payload are kept; of the messages of one source 100 at once, then one every 10 seconds.",
          {
              size("max_size", QuarantineOptions().max_bytes, 256 * 1024, max_size,
                   "Disk space for them; the oldest are removed first."),
          }};
}

KeyGroup sink_keys() {
  return {
      "[sinks.NAME]",
      "Where rows go. Names fit `[a-z][a-z0-9_]{0,47}`.",
      {
          on_reload(OnReload::new_sink, required(part_word("type", "", "The kind of store."))),
          on_reload(OnReload::new_sink, of_type(ValueType::text_list, "inputs", "all windows", "Names of windows.")),
          word(
              "mode", output_mode_words, SinkOptions().mode,
              "`append`: each row once, when it is final. `update`: each row whenever it changed. `complete`: all rows "
              "that are not final, whenever one of them changed."),
          on_reload(OnReload::new_window,
                    boolean("mergeable", false,
                            "Rows have what merges those of several gateways or windows exactly, in columns behind "
                            "those of the window: `count`, `sum`, `m2` and, where the window has percentiles, "
                            "`sketch` (bytes, as base64 in JSON and CSV, and not in line protocol or SenML); "
                            "`pipeline/SEMANTICS.md` says how. The windows of `inputs` compute it, from their "
                            "next start on. Not for a window with `top`.")),
          on_reload(
              OnReload::new_sink,
              rate_or_none("max_rate", 1, 3'600'000'000,
                           "The most rows per second (`\"50/s\"`), minute (`/m`) or hour (`/h`) on average; what "
                           "one second allows may go at once. An exactly_once sink gets an epoch whole, and waits "
                           "for its rows afterwards.")),
          on_reload(OnReload::new_sink,
                    duration("redeliver", OutboxOptions().redeliver, Duration(), Duration::hours(24),
                             "What a table store has confirmed so lately is kept in memory, for one that goes back in "
                             "time (a restored backup, a standby, a dropped table): then it is delivered again. A "
                             "restart forgets it; the log says from when to when rows are missing.")),
          on_reload(OnReload::new_sink,
                    size("redeliver_max_size", static_cast<std::int64_t>(OutboxOptions().redeliver_max_bytes), 1024,
                         64 * 1024 * 1024, "Memory for these rows.")),
          on_reload(OnReload::new_sink,
                    duration("max_lag", OutboxOptions().max_lag, Duration::seconds(1), Duration::days(366),
                             "`/readyz` says 503 while a row has waited longer for the store, and while the store is "
                             "away.")),
          text(
              "where", "",
              "Only rows for which this holds: `\"avg > 30 or count = 0\"`. A formula as in `derived`, over aggregates "
              "of the inputs by name; `and`, `or`, `not`, `=` and `<>` may be used as in SQL. A comparison with null "
              "does not hold. From a table a row goes when it holds no longer, and late readings that are put back "
              "do not reach it."),
          on_reload(OnReload::new_sink,
                    word("on", filter_on_words, FilterOptions().on,
                         "`match`: each row for which `where` holds. `change`: of each series the row with which it "
                         "begins to hold, and the one with which it ends, with a column `holds` of 1 or 0; windows "
                         "before the newest one that was judged change nothing. Not for tables. It is remembered "
                         "across restarts, for 20,000 series.")),
          of_type(ValueType::table, "outbox", "", "Rows that the store has not confirmed; see below."),
      }};
}

KeyGroup outbox_keys() {
  const OutboxOptions standard;
  return {
      "[sinks.NAME.outbox]",
      "Usually written as `outbox = { max_size = \"512MiB\" }`. Rows wait in memory while the store keeps up, and "
      "in the state directory when it does not.",
      {
          size(
              "max_size", standard.max_bytes, 64 * 1024, max_size,
              "Memory and disk for rows that the store has not confirmed. A few MiB of it are memory, up to 64 MiB "
              "when the disk cannot be written. It holds across restarts. With `drop_oldest` an epoch, the rows of one "
              "trigger, that is larger is kept whole beyond the bound while the store has it or is free to take it; "
              "if the store fails, its oldest rows are dropped. With `block` the rows of the last message that came "
              "may pass it."),
          word("when_full", when_full_words, standard.when_full,
               "`drop_oldest` drops rows and counts them; `block` makes intake wait, also before the rows of the next "
               "trigger would be too many, and no trigger fires while the outbox is full."),
      }};
}

KeyGroup test_keys() {
  return {"[[tests]]",
          "A try of the configuration by `edgetide test`: messages, and the rows that they are to give. The running "
          "gateway does not look at it.",
          {
              required(text("name", "", "What is tried.")),
              required(of_type(ValueType::table_list, "messages", "", "The messages in their order, see below.")),
              of_type(ValueType::table_list, "rows", "[]",
                      "The newest row of each window of a sensor, once all are closed: `{ window = \"minute\", sensor "
                      "= \"a\", avg = 21 }`. "
                      "A row may have more than what is written; numbers are compared to 9 digits."),
              boolean("only", false, "Whether other rows than these are a failure."),
              integer("refused", -1, -1, 1'000'000, "How many values and messages are refused; -1: any number."),
          }};
}

KeyGroup test_message_keys() {
  return {"[[tests]] messages = [ { ... } ]",
          "",
          {
              required(text("at", "", "When it arrives, such as `2026-01-31T12:00:00Z`.")),
              text("source", "the first with a route for it", "The source that it comes from."),
              text("topic", "", "The topic; without one it comes as over a socket, a line."),
              required(free_text(text("payload", "", "What it says."))),
          }};
}

}  // namespace edgetide::keys
