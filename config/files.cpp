#include "config/files.h"

#include <algorithm>
#include <filesystem>
#include <fnmatch.h>
#include <utility>

#include "config/file_text.h"
#include "config/toml_document.h"
#include "pipeline/characters.h"

namespace edgetide {

namespace {

namespace fs = std::filesystem;

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::size_t begin = 0;
  while (begin <= text.size()) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    lines.push_back(text.substr(begin, end - begin));
    if (!lines.back().empty() && lines.back().back() == '\r') lines.back().pop_back();
    begin = end + 1;
  }
  return lines;
}

bool is_glob(const std::string& text) {
  return text.find_first_of("*?[") != std::string::npos;
}

void report_twice(const Node& again, const Node& first, const std::string& name, Report& report) {
  report.error(again.key_location, name + " is defined twice", "first in " + short_text(first.key_location));
}

void merge_member(Node& section, Node member, Report& report) {
  if (const Node* first = section.find(member.key)) {
    report_twice(member, *first, section.key + '.' + member.key, report);
  } else if (section.children.size() == max_table_keys) {
    report.error(member.key_location, section.key + " has more than " + std::to_string(max_table_keys) + " keys");
  } else {
    section.children.push_back(std::move(member));
  }
}

void merge(Node& root, Node from, Report& report) {
  for (Node& section : from.children) {
    const auto first = std::find_if(root.children.begin(), root.children.end(),
                                    [&](const Node& node) { return node.key == section.key; });
    if (first == root.children.end()) {
      root.children.push_back(std::move(section));
    } else if (first->kind == Node::Kind::table && section.kind == Node::Kind::table) {
      for (Node& member : section.children) merge_member(*first, std::move(member), report);
    } else {
      report_twice(section, *first, section.key, report);
    }
  }
}

// The files a glob names, in byte order. A folder that does not exist matches nothing.
std::vector<std::string> matches_of(const fs::path& pattern, std::error_code& error) {
  std::vector<std::string> paths;
  const std::string name = pattern.filename();
  for (fs::directory_iterator entry(pattern.parent_path(), error), end; !error && entry != end;
       entry.increment(error)) {
    if (fnmatch(name.c_str(), entry->path().filename().c_str(), FNM_PERIOD) == 0) paths.push_back(entry->path());
  }
  if (error == std::errc::no_such_file_or_directory) error.clear();
  std::sort(paths.begin(), paths.end());
  return paths;
}

// Where a word begins that names a secret; npos: nowhere. "${credential:NAME}" holds none.
std::size_t find_secret_word(const std::string& line) {
  static constexpr std::string_view words[] = {
      "passw",      "passphrase", "pass_",       "pass-",       "pwd",           "token",
      "secret",     "apikey",     "api_key",     "api-key",     "access_key",    "bearer",
      "access-key", "privatekey", "private_key", "private-key", "authorization", "psk"};
  const std::string small = in_lower_case(line);
  std::size_t first = std::string::npos;
  for (const std::string_view word : words) first = std::min(first, small.find(word));
  return first;
}

// The last character that is not blank: "token = [".
bool leaves_list_open(const std::string& line) {
  const std::size_t last = line.find_last_not_of(" \t");
  return last != std::string::npos && (line[last] == '[' || line[last] == '{' || line[last] == ',');
}

bool has_user_in_url(const std::string& line) {
  const std::size_t scheme = line.find("://");
  return scheme != std::string::npos && line.find('@', scheme) != std::string::npos;
}

}  // namespace

std::vector<bool> find_secret_lines(const std::vector<std::string>& lines) {
  std::vector<bool> secret;
  bool in_list = false;    // of secrets
  std::string_view until;  // the closing quotes of a multi-line secret
  for (const std::string& line : lines) {
    const std::size_t word = find_secret_word(line);
    secret.push_back(!until.empty() || in_list || word != std::string::npos || has_user_in_url(line));
    in_list =
        in_list ? line.find_first_of("]}") == std::string::npos : word != std::string::npos && leaves_list_open(line);
    std::size_t from = until.empty() ? word : 0;
    while (from != std::string::npos) {
      const std::size_t basic = line.find(until.empty() ? "\"\"\"" : until, from);
      const std::size_t literal = until.empty() ? line.find("'''", from) : std::string::npos;
      const std::size_t quotes = std::min(basic, literal);
      if (quotes == std::string::npos) break;
      until = !until.empty()    ? std::string_view()
              : quotes == basic ? std::string_view("\"\"\"")
                                : std::string_view("'''");
      from = quotes + 3;
    }
  }
  return secret;
}

Node ConfigFiles::read(const std::string& path, Report& report) {
  Node root;
  if (std::optional<Node> parsed = parse_file(path, {}, report)) root = std::move(*parsed);
  if (const Node* include = root.find("include")) {
    const Node copy = *include;  // merging moves the tree
    include_all(copy, root, report);
  }
  return root;
}

std::optional<Node> ConfigFiles::parse_file(const std::string& path, const Location& included_at, Report& report) {
  const SourceFile* file = add_file(path, included_at, report);
  std::optional<Node> parsed = file == nullptr ? std::nullopt : parse_toml(*file, report);
  complete_ = complete_ && parsed.has_value();
  return parsed;
}

bool ConfigFiles::has(const std::string& path, std::size_t from) const {
  return std::any_of(files_.begin() + static_cast<std::ptrdiff_t>(std::min(from, files_.size())), files_.end(),
                     [&](const auto& file) {
                       std::error_code ignored;
                       return fs::equivalent(file->path, path, ignored);
                     });
}

const SourceFile* ConfigFiles::add_file(const std::string& path, const Location& included_at, Report& report) {
  auto file = std::make_unique<SourceFile>();
  file->path = path;
  file->order = files_.size();
  const FileText content = read_file_text(path, max_config_file_bytes);
  if (content.error.empty()) {
    file->text = content.text;
    file->lines = lines_of(file->text);
    file->secret_lines = find_secret_lines(file->lines);
    file->readable_by_others = (content.mode & 077U) != 0;
    files_.push_back(std::move(file));
    return files_.back().get();
  }
  if (included_at.file == nullptr) {
    report.error({file.get(), 0, 0, 0}, content.error);
  } else {
    report.error(included_at, "include: " + path + ": " + content.error);
  }
  files_.push_back(std::move(file));
  return nullptr;
}

void ConfigFiles::include_all(const Node& include, Node& root, Report& report) {
  if (include.kind != Node::Kind::list) return;  // the type is checked with all others
  if (include.children.size() > max_config_files) {
    return report.error(include.location, "include: more than " + std::to_string(max_config_files) + " files");
  }
  const fs::path folder = fs::path(files_.front()->path).parent_path();
  for (const Node& pattern : include.children) {
    if (pattern.kind != Node::Kind::text || pattern.text.empty()) continue;
    const fs::path path = folder / pattern.text;
    if (is_glob(fs::path(pattern.text).parent_path())) {
      report.error(pattern.location, "include: '*' is allowed in the last part of a path only");
    } else if (!is_glob(fs::path(pattern.text).filename())) {
      include_file(path, pattern.location, root, report);
    } else {
      std::error_code error;
      const fs::path rooted = path.has_parent_path() ? path : "." / path;
      for (const std::string& match : matches_of(rooted, error)) include_file(match, pattern.location, root, report);
      if (error) report.error(pattern.location, "include: " + error.message());
    }
  }
}

void ConfigFiles::include_file(const std::string& path, const Location& included_at, Node& root, Report& report) {
  if (has(path, 0)) return report.error(included_at, "include: " + path + " is included twice");
  if (files_.size() == max_config_files) return report.error(included_at, "include: more than 256 files");
  std::optional<Node> parsed = parse_file(path, included_at, report);
  if (!parsed) return;
  if (const Node* nested = parsed->find("include")) {
    report.error(nested->key_location, "include is allowed in the main file only");
    std::erase_if(parsed->children, [](const Node& node) { return node.key == "include"; });
  }
  merge(root, std::move(*parsed), report);
}

}  // namespace edgetide
