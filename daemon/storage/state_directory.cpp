#include "daemon/storage/state_directory.h"

#include <cerrno>

namespace edgetide {

namespace {

// Starts on a full disk too: the stored rows must be delivered before there is room.
bool is_full(std::error_code error) noexcept {
  return error == std::errc::no_space_on_device || error.value() == EDQUOT;
}

StateDirectory::Refusal refusal_of(const std::string& path, const std::string& what, std::error_code error) {
  const bool owner = error == std::errc::permission_denied || error == std::errc::operation_not_permitted;
  return {path + ": " + what + ": " + error.message() +
          (owner ? "; the state directory and all in it must belong to the user that runs edgetide" : "")};
}

// Checks that files can be created; an existing lock file does not show that.
std::error_code try_to_write(FileSystem& files, const std::string& path) {
  const std::string probe = path + "/probe";
  static_cast<void>(files.remove(probe));
  if (const std::error_code error = files.open(probe, FileAccess::create_new).error) return error;
  return files.remove(probe);
}

}  // namespace

std::variant<StateDirectory, StateDirectory::Refusal> StateDirectory::open(FileSystem& files, const std::string& path) {
  if (const std::error_code error = files.make_folder(path)) return refusal_of(path, "cannot be made", error);
  auto lock = files.lock(path + "/lock");
  if (lock.error == std::errc::operation_would_block) {
    return Refusal{path + ": another edgetide is running on this state directory (it holds the file 'lock')", true};
  }
  if (lock.error) return refusal_of(path + "/lock", "cannot be written", lock.error);
  for (const char* const part : {"/journal", "/checkpoint", "/outbox"}) {
    const std::error_code error = files.make_folder(path + part);
    if (error && !is_full(error)) return refusal_of(path + part, "cannot be made", error);
  }
  for (const char* const part : {"", "/journal", "/checkpoint", "/outbox"}) {
    const std::error_code error = try_to_write(files, path + part);
    if (error && !is_full(error)) return refusal_of(path + part, "cannot be written", error);
  }
  // The names of the folders must survive a power cut; otherwise files synced in them would be lost.
  const std::error_code unsynced = files.sync_folder(path);
  if (unsynced && !is_full(unsynced)) return refusal_of(path, "cannot be synced", unsynced);
  return StateDirectory(std::move(lock.value));
}

}  // namespace edgetide
