#include "daemon/storage/state_directory.h"

#include <cerrno>

#include "daemon/storage/set_aside.h"

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

// Of something that is not what its name says.
bool is_other_kind(std::error_code error) noexcept {
  return error == std::errc::not_a_directory || error == std::errc::is_a_directory ||
         error == std::errc::no_such_file_or_directory || error == std::errc::too_many_symbolic_link_levels ||
         error == std::errc::file_exists || error == std::errc::no_such_device_or_address;
}

bool put_away(FileSystem& files, const std::string& path, std::vector<std::string>& reports) {
  if (set_aside(files, path)) return false;
  reports.push_back(path + ": is not what the daemon has made; it is set aside as *.damaged");
  return true;
}

FileResult<std::unique_ptr<FileLock>> take_lock(FileSystem& files, const std::string& path,
                                                std::vector<std::string>& reports) {
  auto lock = files.lock(path);
  if (is_other_kind(lock.error) && put_away(files, path, reports)) return files.lock(path);
  return lock;
}

// A plain file cannot be listed, and a link to nothing is there when it is made but not when it is listed.
std::error_code make_folder(FileSystem& files, const std::string& path, std::vector<std::string>& reports) {
  const std::error_code error = files.make_folder(path);
  if (error) return error;
  const FileResult<std::vector<std::string>> names = files.list(path);
  for (const std::string& name : names.value) {  // of files that were being written
    const std::string file = path + '/' + name;
    if (name.ends_with(".new") && files.remove(file) == std::errc::is_a_directory) put_away(files, file, reports);
  }
  if (!is_other_kind(names.error) || !put_away(files, path, reports)) return {};
  return files.make_folder(path);
}

// Checks that files can be created; an existing lock file does not show that.
std::error_code try_to_write(FileSystem& files, const std::string& path, std::vector<std::string>& reports) {
  const std::string probe = path + "/probe";
  if (files.remove(probe) == std::errc::is_a_directory) put_away(files, probe, reports);
  if (const std::error_code error = files.open(probe, FileAccess::create_new).error) return error;
  return files.remove(probe);
}

}  // namespace

std::variant<StateDirectory, StateDirectory::Refusal> StateDirectory::open(FileSystem& files, const std::string& path) {
  if (const std::error_code error = files.make_folder(path)) return refusal_of(path, "cannot be made", error);
  std::vector<std::string> reports;
  auto lock = take_lock(files, path + "/lock", reports);
  if (lock.error == std::errc::operation_would_block) {
    return Refusal{path + ": another edgetide is running on this state directory (it holds the file 'lock')", true};
  }
  if (lock.error) return refusal_of(path + "/lock", "cannot be written", lock.error);
  for (const char* const part : {"/journal", "/checkpoint", "/outbox"}) {
    const std::error_code error = make_folder(files, path + part, reports);
    if (error && !is_full(error)) return refusal_of(path + part, "cannot be made", error);
  }
  for (const char* const part : {"", "/journal", "/checkpoint", "/outbox"}) {
    const std::error_code error = try_to_write(files, path + part, reports);
    if (error && !is_full(error)) return refusal_of(path + part, "cannot be written", error);
  }
  // The names of the folders must survive a power cut; otherwise files synced in them would be lost.
  const std::error_code unsynced = files.sync_folder(path);
  if (unsynced && !is_full(unsynced)) return refusal_of(path, "cannot be synced", unsynced);
  return StateDirectory(std::move(lock.value), std::move(reports));
}

}  // namespace edgetide
