#include "daemon/sources/done_list.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <set>
#include <sstream>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "daemon/service/placed_file.h"
#include "daemon/service/write_all.h"

namespace edgetide {

namespace {

constexpr std::size_t lines_to_spare = 100;
constexpr std::size_t max_list_bytes = 16 * 1024 * 1024;

std::string text_of(int descriptor) {
  std::string text;
  char buffer[4096];
  for (ssize_t got = 0; text.size() < max_list_bytes && (got = read(descriptor, buffer, sizeof buffer)) > 0;) {
    text.append(buffer, static_cast<std::size_t>(got));
  }
  return text;
}

}  // namespace

std::string DoneList::line_of(std::uint64_t inode, const Entry& entry) {
  std::string line = std::to_string(inode) + ' ' + std::to_string(entry.changed_ns) + ' ' + std::to_string(entry.size);
  if (entry.content) line += ' ' + std::to_string(*entry.content);
  return line + '\n';
}

void DoneList::open() {
  if (path_.empty()) return;
  file_ = Descriptor(::open(path_.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0640));
  if (!file_.is_open()) throw std::runtime_error(path_ + ": " + std::generic_category().message(errno));
  entries_.clear();
  lines_ = 0;
  const std::string text = text_of(file_.get());
  load(text);
  if (!text.empty() && text.back() != '\n') write_again();
}

void DoneList::load(const std::string& text) {
  std::istringstream lines(text.substr(0, text.rfind('\n') + 1));
  for (std::string line; std::getline(lines, line); ++lines_) {
    std::istringstream words(line);
    std::uint64_t inode = 0;
    Entry entry{};
    if (!(words >> inode >> entry.changed_ns >> entry.size)) continue;
    if (std::uint64_t content = 0; words >> content) entry.content = content;
    entries_[inode] = entry;
  }
}

bool DoneList::has(const FoundFile& file) const noexcept {
  const auto found = entries_.find(file.inode);
  return found != entries_.end() && found->second.changed_ns == file.changed_ns && found->second.size == file.size;
}

std::optional<std::uint64_t> DoneList::content_of(const FoundFile& file) const noexcept {
  const auto found = entries_.find(file.inode);
  return found != entries_.end() && found->second.size == file.size ? found->second.content : std::nullopt;
}

std::string DoneList::add(const FoundFile& file, std::optional<std::uint64_t> content) {
  if (has(file)) return {};
  const Entry entry{file.changed_ns, file.size, content};
  const std::string line = line_of(file.inode, entry);
  const std::error_code error = write_all(file_.get(), is_torn_ ? '\n' + line : line);
  is_torn_ = static_cast<bool>(error);
  if (is_torn_) return path_ + ": " + error.message();
  entries_[file.inode] = entry;
  ++lines_;
  return {};
}

std::string DoneList::sync() noexcept {
  if (!file_.is_open() || fdatasync(file_.get()) == 0) return {};
  return path_ + ": " + std::generic_category().message(errno);
}

void DoneList::keep(const std::vector<FoundFile>& files) {
  if (entries_.empty()) return;
  std::set<std::uint64_t> inodes;
  for (const FoundFile& file : files) inodes.insert(file.inode);
  std::erase_if(entries_, [&](const auto& entry) { return !inodes.contains(entry.first); });
  if (lines_ > 2 * entries_.size() + lines_to_spare) write_again();
}

// By another file that takes its name. If that fails, the list stays as it is.
void DoneList::write_again() {
  std::string text;
  for (const auto& [inode, entry] : entries_) text += line_of(inode, entry);
  PlacedFile placed = place_file(path_, text);
  if (!placed.file.is_open()) return;
  is_torn_ = false;
  file_ = std::move(placed.file);
  lines_ = entries_.size();
}

}  // namespace edgetide
