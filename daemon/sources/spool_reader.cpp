#include "daemon/sources/spool_reader.h"

#include <algorithm>
#include <array>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

#include "daemon/decoders/message_fingerprint.h"

namespace edgetide {

namespace {

constexpr std::uint64_t max_mark_bytes = 256;

struct Mark {
  std::uint32_t bytes = 0;
  std::uint64_t hash = 0;
};

std::uint64_t begin_of_mark(std::string_view name, std::uint64_t offset, std::uint64_t bytes) {
  return compression_of(name) == Compression::none ? offset - std::min(offset, bytes) : 0;
}

Mark read_mark(int descriptor, std::uint64_t begin, std::uint64_t bytes) {
  std::array<char, max_mark_bytes> buffer;
  const ssize_t got = pread(descriptor, buffer.data(), std::min(bytes, max_mark_bytes), static_cast<off_t>(begin));
  if (got <= 0) return {};
  return {static_cast<std::uint32_t>(got), hash_of({buffer.data(), static_cast<std::size_t>(got)})};
}

std::unique_ptr<FileBytes> bytes_of(int descriptor, std::string_view name, std::uint64_t offset) {
  switch (compression_of(name)) {
    case Compression::gzip:
      return gzip_bytes(descriptor);
    case Compression::zstd:
      return zstd_bytes(descriptor);
    case Compression::none:
      break;
  }
  return plain_bytes(descriptor, offset);
}

std::uint64_t first_read(std::string_view name, std::uint64_t offset) {
  return compression_of(name) == Compression::none ? offset : 0;
}

}  // namespace

SpoolReader::SpoolReader(Descriptor descriptor, std::string_view name, const SpoolPosition& from,
                         const SpoolOptions& options, bool has_header)
    : descriptor_(std::move(descriptor)),
      name_(name),
      from_(from.offset),
      has_header_(has_header),
      bytes_(bytes_of(descriptor_.get(), name, from.offset)),
      lines_(options.max_line_bytes, first_read(name, from.offset)) {
  if (has_header_ && lines_.next_line() > 0) read_header(options.max_line_bytes);
}

void SpoolReader::read_header(std::size_t max_line_bytes) {
  std::string first(max_line_bytes, '\0');
  const ssize_t got = pread(descriptor_.get(), first.data(), first.size(), 0);
  first.resize(static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
  first.resize(std::min(first.find('\n'), first.size()));
  take(first, 0, [](auto...) {});
}

bool SpoolReader::is_at(int descriptor, std::string_view name, const SpoolPosition& position) {
  const std::uint64_t begin = begin_of_mark(name, position.offset, position.mark_bytes);
  const Mark mark = read_mark(descriptor, begin, position.mark_bytes);
  return mark.bytes == position.mark_bytes && mark.hash == position.mark;
}

FoundFile SpoolReader::status() const {
  struct stat status {};
  fstat(descriptor_.get(), &status);
  return found_file(name_, status, true);
}

bool SpoolReader::is_removed() const {
  struct stat status {};
  return fstat(descriptor_.get(), &status) == 0 && status.st_nlink == 0;
}

void SpoolReader::fill_in(SpoolPosition& position) const {
  position.offset = std::max(from_, lines_.next_line());
  const std::uint64_t begin = begin_of_mark(name_, position.offset, max_mark_bytes);
  const std::uint64_t bytes = compression_of(name_) == Compression::none ? position.offset - begin : max_mark_bytes;
  const Mark mark = read_mark(descriptor_.get(), begin, bytes);
  position.mark_bytes = mark.bytes;
  position.mark = mark.hash;
}

}  // namespace edgetide
