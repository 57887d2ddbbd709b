// A file of ours that cannot be used gets another name, `*.damaged`, for a person to look at: a start goes on.
//
// Thread: any, one at a time for a folder. Fails: with the error of the file system.
// Limit:  the last 4 of a folder, by name, are kept.
#pragma once

#include <string>
#include <system_error>

#include "daemon/storage/file_system.h"

namespace edgetide {

[[nodiscard]] std::error_code set_aside(FileSystem& files, const std::string& path);

}  // namespace edgetide
