#include "daemon/storage/segment.h"

#include <algorithm>

#include "daemon/storage/numbered_name.h"

namespace edgetide {

namespace {
constexpr std::string_view suffix = ".log";
}  // namespace

std::string LogLocation::path_of(std::uint64_t first_record) const {
  return folder + '/' + segment_name(name, first_record);
}

std::string segment_name(std::string_view log, std::uint64_t first_record) {
  return numbered_name(log, first_record, suffix);
}

std::optional<std::uint64_t> parse_segment_name(std::string_view log, std::string_view file) noexcept {
  return parse_numbered_name(log, file, suffix);
}

FileResult<std::vector<Segment>> list_segments(FileSystem& files, const LogLocation& location) {
  FileResult<std::vector<Segment>> segments;
  const FileResult<std::vector<std::string>> names = files.list(location.folder);
  if (names.error == std::errc::no_such_file_or_directory) return segments;
  segments.error = names.error;
  for (const std::string& file : names.value) {
    const std::optional<std::uint64_t> first = parse_segment_name(location.name, file);
    if (!first) continue;
    const auto opened = files.open(location.folder + '/' + file, FileAccess::read);
    if (opened.error == std::errc::no_such_file_or_directory) continue;  // a writer has removed it just now
    const FileResult<std::uint64_t> size =
        opened.error ? FileResult<std::uint64_t>{0, opened.error} : opened.value->size();
    if (size.error) segments.error = size.error;
    segments.value.push_back({*first, size.value});
  }
  std::sort(segments.value.begin(), segments.value.end(),
            [](const Segment& a, const Segment& b) { return a.first_record < b.first_record; });
  return segments;
}

}  // namespace edgetide
