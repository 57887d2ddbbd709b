#include "daemon/commands/restart_folder.h"

#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <utility>

namespace edgetide {

namespace {

std::string make_temporary_folder() {
  std::string path = (std::filesystem::temp_directory_path() / "edgetide-replay-XXXXXX").string();
  if (mkdtemp(path.data()) == nullptr) throw std::runtime_error("restart: cannot make " + path);
  return path;
}

}  // namespace

RestartFolder::RestartFolder() : path_(make_temporary_folder()), store_(files_, path_, {}) {}

RestartFolder::~RestartFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string RestartFolder::through_disk(std::string snapshot) {
  Checkpoint checkpoint;
  checkpoint.pipeline = std::move(snapshot);
  if (const std::error_code error = store_.write(checkpoint)) {
    throw std::runtime_error("restart: " + path_ + ": " + error.message());
  }
  auto found = CheckpointStore(files_, path_, {}).newest();
  if (const auto* const refusal = std::get_if<std::string>(&found)) throw std::runtime_error("restart: " + *refusal);
  auto& newest = std::get<CheckpointStore::Found>(found).checkpoint;
  if (!newest) throw std::runtime_error("restart: " + path_ + ": the checkpoint is not there");
  return std::move(newest->pipeline);
}

}  // namespace edgetide
