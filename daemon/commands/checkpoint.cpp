// `edgetide checkpoint show`: prints the newest intact checkpoint, also while the daemon runs.
#include <iostream>
#include <stdexcept>

#include "config/config.h"
#include "daemon/commands/commands.h"
#include "daemon/monitor/status_json.h"
#include "daemon/monitor/text_table.h"
#include "daemon/storage/checkpoint_store.h"
#include "daemon/storage/posix_file_system.h"
#include "pipeline/snapshot_head.h"
#include "pipeline/time_text.h"

namespace edgetide {

namespace {

struct Shown {
  const CheckpointStore::Found& found;
  const Checkpoint& checkpoint;
  const SnapshotHead& head;
};

std::string to_json(const Shown& shown) {
  const Checkpoint& checkpoint = shown.checkpoint;
  JsonWriter out;
  out.open('{').member("path", shown.found.path).member("taken_at", checkpoint.taken_at.wall);
  out.member("state_id", checkpoint.state_id).member("run", checkpoint.run).member("epoch", checkpoint.epoch);
  out.member("journal_next", checkpoint.journal_next).member("series", shown.head.series);
  if (const StateMemory& memory = checkpoint.memory; memory.max_bytes > 0) {
    out.member("state_bytes", memory.bytes).member("state_reserved_bytes", memory.reserved_bytes);
    out.member("state_max_bytes", memory.max_bytes);
  }
  out.key("windows").open('{');
  for (const SnapshotHead::Window& window : shown.head.windows) out.member(window.name, window.open_windows);
  out.close('}').key("sources").open('{');
  for (const SnapshotHead::Source& source : shown.head.sources) {
    out.key(source.name).open('{').member("received", source.counters.received);
    write_counters(out, source.counters);
    out.close('}');
  }
  out.close('}').key("outboxes").open('{');
  for (const OutboxStart& outbox : checkpoint.outboxes) out.member(outbox.sink, outbox.first_record);
  out.close('}').key("skipped").open('[');
  for (const std::string& warning : shown.found.warnings) out.value(warning);
  out.close(']').close('}');
  return out.take() + '\n';
}

std::string text_of(const Counters& counters) {
  std::string text = std::to_string(counters.received) + " received";
  const auto add = [&](std::uint64_t readings, std::string_view name) {
    if (readings > 0) text += ", " + std::to_string(readings) + ' ' + std::string(name);
  };
  add(counters.of(ReadingOutcome::on_time), "on time");
  add(counters.of(ReadingOutcome::late_accepted), "late accepted");
  add(counters.of(ReadingOutcome::late_dropped), "late dropped");
  add(counters.duplicates(), "duplicate");
  add(counters.of(ReadingOutcome::unmatched), "unmatched");
  add(counters.restamped, "restamped");
  for (std::size_t i = 0; i < refusal_count; ++i) add(counters.refused[i], name_of(Refusal(i)));
  return text;
}

std::string to_text(const Shown& shown) {
  const Checkpoint& checkpoint = shown.checkpoint;
  std::string out = shown.found.path + '\n';
  const auto line = [&](std::string label, const std::string& value) {
    label.resize(10, ' ');
    out += label + value + '\n';
  };
  line("taken", to_rfc3339(checkpoint.taken_at.wall));
  line("state", std::to_string(checkpoint.state_id) + ", run " + std::to_string(checkpoint.run) + ", epoch " +
                    std::to_string(checkpoint.epoch));
  line("journal", "from record " + std::to_string(checkpoint.journal_next));
  line("series", std::to_string(shown.head.series));
  if (const StateMemory& memory = checkpoint.memory; memory.max_bytes > 0) {
    line("memory", bytes_text(memory.bytes) + " and " + bytes_text(memory.reserved_bytes) + " reserved of " +
                       bytes_text(memory.max_bytes));
  }
  for (const SnapshotHead::Window& window : shown.head.windows) {
    line("window", window.name + ": " + std::to_string(window.open_windows) + " open");
  }
  for (const SnapshotHead::Source& source : shown.head.sources) {
    line("source", source.name + ": " + text_of(source.counters));
  }
  for (const OutboxStart& outbox : checkpoint.outboxes) {
    line("outbox", outbox.sink + ": from record " + std::to_string(outbox.first_record));
  }
  return out;
}

}  // namespace

int checkpoint_show_command(const CheckpointShowOptions& options) {
  const std::string folder =
      options.state_directory.empty()
          ? load_configuration(options.config, {.resolve_secrets = false}).options.state_directory
          : options.state_directory;
  PosixFileSystem files;
  const auto answer = CheckpointStore(files, folder, {.keep = 1}).newest();
  if (const auto* const refusal = std::get_if<std::string>(&answer)) {
    std::cerr << "edgetide: " << *refusal << '\n';
    return exit_configuration;
  }
  const auto& found = std::get<CheckpointStore::Found>(answer);
  for (const std::string& warning : found.warnings) std::cerr << "edgetide: skipped " << warning << '\n';
  if (!found.checkpoint) throw std::runtime_error(folder + ": no checkpoint");
  SnapshotHead head;
  ByteReader in(found.checkpoint->pipeline);
  if (const auto error = load(in, head)) throw std::runtime_error(found.path + ": " + *error);
  const Shown shown{found, *found.checkpoint, head};
  std::cout << (options.format == ListFormat::json ? to_json(shown) : to_text(shown)) << std::flush;
  if (!std::cout) throw std::runtime_error("cannot write to standard output");
  return exit_fine;
}

}  // namespace edgetide
