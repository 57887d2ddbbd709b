// A file that is replaced as a whole: written beside its place, synced, and given its name. After a power cut there is
// either the former file or the new one.
//
// Thread: any. Blocks: for the disk.
// Fails:  by the reason, "PATH: No space left on device"; the former file is then as it was, unless `file` is open.
#pragma once

#include <string>
#include <string_view>
#include <system_error>

#include "daemon/service/descriptor.h"

namespace edgetide {

struct PlacedFile {
  Descriptor file;    // to read and to append; open once it has the name
  std::string error;  // empty: it keeps the name after a power cut
};

// Through `path` with ".new" behind it.
PlacedFile place_file(const std::string& path, std::string_view bytes);

// The names in a folder, as they are, stay so after a power cut.
std::error_code sync_folder(const std::string& path) noexcept;

}  // namespace edgetide
