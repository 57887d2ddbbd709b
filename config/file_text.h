// A small file read whole: configuration files and secrets.
//
// Thread: any. Blocks: reads a file.
// Fails:  `error` says why, in the system's words; it never holds content. What is not a regular file (a FIFO, a
//         device, a folder) is not read: it could keep us waiting for ever.
#pragma once

#include <cstddef>
#include <string>

namespace edgetide {

struct FileText {
  std::string text;
  unsigned mode = 0;  // permission bits
  std::string error;  // empty: `text` is whole
};

FileText read_file_text(const std::string& path, std::size_t max_bytes);

}  // namespace edgetide
