// A file of a spool source that is open: its lines from a position on, and the position behind them.
//
// Owns:   its descriptor, and the line that is not complete. Thread: one. Blocks: for the disk.
// Fails:  in the result of `read`.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "daemon/service/descriptor.h"
#include "daemon/sources/file_bytes.h"
#include "daemon/sources/line_cutter.h"
#include "daemon/sources/spool_folder.h"
#include "daemon/sources/spool_position.h"

namespace edgetide {

class SpoolReader {
 public:
  // `has_header`: its first line is the header of the others, and no message.
  SpoolReader(Descriptor descriptor, std::string_view name, const SpoolPosition& from, const SpoolOptions& options,
              bool has_header);

  // What is before the position is still what it was there.
  static bool is_at(int descriptor, std::string_view name, const SpoolPosition& position);

  // Calls line(text, at, header) and too_long(at) for what a part of the file has from the position on.
  template <typename Line, typename TooLong>
  FileBytes::Piece read(std::span<char> buffer, Line&& line, TooLong&& too_long) {
    const FileBytes::Piece piece = bytes_->read(buffer);
    lines_.append(
        std::string_view(buffer.data(), piece.count),
        [&](std::string_view text, std::uint64_t at) { take(text, at, line); },
        [&](std::uint64_t at) {
          if (at >= from_) too_long(at);
        });
    return piece;
  }
  // The end of the file is the end of its last line.
  template <typename Line, typename TooLong>
  void finish(Line&& line, TooLong&& too_long) {
    lines_.finish([&](std::string_view text, std::uint64_t at) { take(text, at, line); },
                  [&](std::uint64_t at) {
                    if (at >= from_) too_long(at);
                  });
  }

  bool has_part_of_line() const noexcept { return lines_.partial(); }
  // In the content: what is behind it was not read yet.
  std::uint64_t read_to() const noexcept { return lines_.next_line() + lines_.part_bytes(); }
  // Of the file as it is now.
  FoundFile status() const;
  bool is_removed() const;
  int descriptor() const noexcept { return descriptor_.get(); }
  Descriptor release() noexcept { return std::move(descriptor_); }
  // The position behind the lines that were read.
  void fill_in(SpoolPosition& position) const;

 private:
  template <typename Line>
  void take(std::string_view text, std::uint64_t at, Line&& line) {
    if (at == 0 && text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
    if (at == 0 && has_header_) {
      header_ = text;
    } else if (at >= from_ && !text.empty() && text != "\r") {
      line(text, at, std::string_view(header_));
    }
  }
  void read_header(std::size_t max_line_bytes);

  Descriptor descriptor_;
  const std::string name_;
  const std::uint64_t from_;
  const bool has_header_;
  std::unique_ptr<FileBytes> bytes_;
  LineCutter lines_;
  std::string header_;
};

}  // namespace edgetide
