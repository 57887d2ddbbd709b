#include "config/unit_credentials.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <vector>

#include "config/file_text.h"
#include "daemon/decoders/number_text.h"

namespace edgetide {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t max_unit_bytes = 1024 * 1024;
constexpr const char* unit_name = "edgetide.service";
// The first that has the unit decides; drop-ins of all are read, sorted by their names.
constexpr const char* unit_folders[] = {"/etc/systemd/system", "/run/systemd/system", "/usr/local/lib/systemd/system",
                                        "/usr/lib/systemd/system", "/lib/systemd/system"};

// With the lines joined that end in a backslash; without comments.
std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  bool continues = false;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = without_blanks(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.starts_with('#') || line.starts_with(';')) continue;
    const bool goes_on = line.ends_with('\\');
    if (goes_on) line.remove_suffix(1);
    if (continues) {
      lines.back() += ' ' + std::string(line);
    } else {
      lines.emplace_back(line);
    }
    continues = goes_on;
  }
  return lines;
}

// "NAME:PATH". A path that is relative, or holds a specifier, is systemd's to find.
void add_file(std::string_view value, UnitCredentials& to) {
  const std::size_t colon = value.find(':');
  const std::string path(colon == value.npos ? std::string_view() : value.substr(colon + 1));
  std::error_code error;
  if (fs::is_directory(path, error)) to.has_more = true;
  const bool is_known = path.starts_with('/') && path.find('%') == path.npos;
  to.paths[std::string(value.substr(0, colon))] = is_known ? path : std::string();
}

void add_line(std::string_view line, UnitCredentials& to) {
  const std::size_t equals = line.find('=');
  if (equals == line.npos) return;
  const std::string_view key = without_blanks(line.substr(0, equals)), value = without_blanks(line.substr(equals + 1));
  const bool loads = key == "LoadCredential",
             is_other = key == "LoadCredentialEncrypted" || key == "SetCredential" || key == "SetCredentialEncrypted";
  if (key == "ImportCredential" && !value.empty()) to.has_more = true;
  if (!loads && !is_other) return;
  if (value.empty()) {
    to.paths.clear();  // as systemd: what came before does not count
  } else if (loads) {
    add_file(value, to);
  } else {
    to.paths[std::string(value.substr(0, value.find(':')))] = {};
  }
}

void add_unit_file(const fs::path& path, UnitCredentials& to) {
  const FileText file = read_file_text(path, max_unit_bytes);
  if (file.error.empty()) add_unit_credentials(file.text, to);
}

}  // namespace

void add_unit_credentials(std::string_view text, UnitCredentials& to) {
  bool is_service = false;
  for (const std::string& line : lines_of(text)) {
    if (line.starts_with('[')) is_service = line == "[Service]";
    if (is_service) add_line(line, to);
  }
}

UnitCredentials read_unit_credentials(const std::string& root) {
  UnitCredentials credentials;
  std::map<std::string, fs::path> drop_ins;  // of one name the first counts
  std::error_code error;
  for (const char* const folder : unit_folders) {
    const fs::path unit = fs::path(root + folder) / unit_name;
    if (!credentials.has_unit && fs::exists(unit, error)) {
      credentials.has_unit = true;
      add_unit_file(unit, credentials);
    }
    const fs::path drop_in_folder = unit.string() + ".d";
    for (fs::directory_iterator entry(drop_in_folder, error), end; !error && entry != end; entry.increment(error)) {
      if (entry->path().extension() == ".conf") drop_ins.try_emplace(entry->path().filename(), entry->path());
    }
  }
  if (!credentials.has_unit) return credentials;
  for (const auto& [name, path] : drop_ins) add_unit_file(path, credentials);
  return credentials;
}

}  // namespace edgetide
