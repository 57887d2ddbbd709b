// Files that a library reads for us: a FIFO or a device could keep it waiting for ever, and a file without end fill the
// memory.
//
// Thread: any. Fails: in the result.
#pragma once

#include <string>

namespace edgetide {

// Why a library had better not read the file: "is not a regular file", "is larger than 16 MiB". Empty: it may, or the
// file is missing, which is the library's to say.
std::string unfit_for_reading(const std::string& path);

}  // namespace edgetide
