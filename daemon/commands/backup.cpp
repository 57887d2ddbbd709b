// `edgetide backup DIR`: a copy of the state directory and of the SQLite files, also while the gateway runs.
//
// A checkpoint and the journal from there on are a whole state, wherever the copy of the journal ends: a restart from
// it is one after a crash. A gateway that runs removes neither while it keeps the checkpoint, so the copy is whole if
// the checkpoint is still there afterwards. The copy gets another state id, since stores know the states that have
// written to them: rows that came after it would otherwise be taken for known. SQLite files are copied last, so that
// they have all rows that the state takes for stored.
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <random>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <variant>

#include "config/config.h"
#include "daemon/commands/commands.h"
#include "daemon/storage/checkpoint_store.h"
#include "daemon/storage/posix_file_system.h"
#include "pipeline/time_text.h"

namespace edgetide {

namespace {

namespace fs = std::filesystem;

constexpr int max_tries = 10;  // each as long as the copy takes, and checkpoints come each 30 s

std::uint64_t another_state_id() {
  std::random_device random;
  const std::uint64_t bits = static_cast<std::uint64_t>(random()) << 32 | random();
  return (bits >> 1) | 1;
}

bool is_sqlite(const fs::path& path) {
  constexpr std::string_view magic = "SQLite format 3";
  std::string head(magic.size(), '\0');
  std::ifstream(path, std::ios::binary).read(head.data(), static_cast<std::streamsize>(head.size()));
  return head == magic;
}

// The checkpoint is written afterwards, locks belong to a process, and an SQLite file is more than its bytes.
bool is_left_out(const fs::path& name, const fs::directory_entry& entry) {
  if (*name.begin() == "checkpoint" || name == "lock") return true;
  if (!entry.is_regular_file()) return !entry.is_directory();
  const std::string text = name.string();
  return text.ends_with("-wal") || text.ends_with("-shm") || is_sqlite(entry.path());
}

// A file that a running gateway removes meanwhile is not needed.
void copy_files(const fs::path& from, const fs::path& to) {
  std::error_code error;
  for (fs::recursive_directory_iterator entry(from, error), end; !error && entry != end; entry.increment(error)) {
    const fs::path name = entry->path().lexically_relative(from);
    if (is_left_out(name, *entry)) continue;
    std::error_code failed;
    if (entry->is_directory()) {
      fs::create_directories(to / name, failed);
    } else {
      fs::copy_file(entry->path(), to / name, fs::copy_options::overwrite_existing, failed);
    }
    if (failed && failed != std::errc::no_such_file_or_directory) {
      throw std::runtime_error(entry->path().string() + ": " + failed.message());
    }
  }
  if (error && error != std::errc::no_such_file_or_directory) {
    throw std::runtime_error(from.string() + ": " + error.message());
  }
}

CheckpointStore::Found newest_checkpoint(FileSystem& files, const GatewayOptions& gateway) {
  auto answer = CheckpointStore(files, gateway.state_directory, gateway.checkpoint).newest();
  if (const auto* const refusal = std::get_if<std::string>(&answer)) throw std::runtime_error(*refusal);
  auto found = std::get<CheckpointStore::Found>(std::move(answer));
  if (!found.checkpoint) throw std::runtime_error(gateway.state_directory + ": there is no checkpoint yet; try again");
  return found;
}

Checkpoint copy_state(FileSystem& files, const GatewayOptions& gateway, const fs::path& to) {
  for (int i = 0; i < max_tries; ++i) {
    CheckpointStore::Found found = newest_checkpoint(files, gateway);
    for (const fs::directory_entry& entry : fs::directory_iterator(to)) fs::remove_all(entry.path());
    copy_files(gateway.state_directory, to);
    if (fs::exists(found.path)) return *std::move(found.checkpoint);
  }
  throw std::runtime_error("the gateway writes checkpoints faster than its state can be copied; try again");
}

void make_target(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) throw std::runtime_error(folder.string() + ": " + error.message());
  if (!fs::is_empty(folder)) throw std::runtime_error(folder.string() + " is not empty");
  fs::permissions(folder, fs::perms::owner_all);
}

}  // namespace

int backup_command(const BackupOptions& options) {
  const GatewayOptions gateway = load_configuration(options.config, {.resolve_secrets = false}).options;
  const fs::path folder = options.folder;
  make_target(folder);
  PosixFileSystem files;
  Checkpoint checkpoint = copy_state(files, gateway, folder);
  const std::uint64_t former = std::exchange(checkpoint.state_id, another_state_id());
  if (const std::error_code error = CheckpointStore(files, folder, gateway.checkpoint).write(checkpoint)) {
    throw std::runtime_error(options.folder + ": " + error.message());
  }
  for (const SinkOptions& sink : gateway.sinks) {
    const std::string fault = sink.store->copy_to(options.folder);
    if (!fault.empty()) throw std::runtime_error("sinks." + sink.name + ": " + fault);
  }
  std::cout << options.folder << ": the state of gateway " << gateway.id << " as of "
            << to_rfc3339(checkpoint.taken_at.wall) << " and later, state id " << checkpoint.state_id << " instead of "
            << former << '\n';
  return std::cout ? exit_fine : exit_failed;
}

}  // namespace edgetide
