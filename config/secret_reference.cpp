#include "config/secret_reference.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <unistd.h>
#include <utility>

#include "config/file_text.h"
#include "config/spelling.h"
#include "daemon/service/environment.h"
#include "pipeline/characters.h"

namespace edgetide {

namespace {

constexpr std::size_t max_secret_bytes = 64 * 1024;
constexpr std::array<std::string_view, 4> secret_schemes = {"credential", "credential_path", "env", "file"};

// What a reference stands for: a text, nothing for now (secrets are not resolved), or a reason.
struct Resolved {
  std::optional<std::string> text;
  std::string error;
  std::string hint;
  std::string warning = {};  // why it is unknown, where that does not fail
};

Resolved failed(std::string error, std::string hint = {}) {
  return {std::nullopt, std::move(error), std::move(hint)};
}

Resolved file_content(const std::string& path, bool must_be_private) {
  FileText file = read_file_text(path, max_secret_bytes);
  if (!file.error.empty()) return failed(path + " " + file.error);
  if (must_be_private && (file.mode & 077U) != 0) {
    return failed(path + " can be read by others than its owner", "chmod 600 " + path);
  }
  if (file.text.ends_with('\n')) file.text.pop_back();
  if (file.text.ends_with('\r')) file.text.pop_back();
  if (file.text.find('\0') != std::string::npos) return failed(path + " is not a text file");
  return {std::move(file.text), {}, {}};
}

bool is_file_name(std::string_view name) {
  return !name.empty() && name != "." && name != ".." && name.find('/') == std::string_view::npos;
}

Resolved unchecked(const std::string& subject, const std::string& reason, std::string hint) {
  return {std::nullopt, {}, std::move(hint), subject + reason + ", so it is not checked"};
}

Resolved content_or_path(const std::string& path, bool path_only) {
  Resolved content = file_content(path, false);
  return path_only && content.error.empty() ? Resolved{path, {}, {}} : content;
}

// As the service will have it.
Resolved credential_of_unit(std::string_view name, bool path_only, const UnitCredentials& unit) {
  const std::string subject = "credential '" + std::string(name) + "'";
  if (!unit.has_unit) {
    return unchecked(subject, " is for the service, and edgetide.service is not installed here",
                     "--no-environment leaves secrets out");
  }
  const auto found = unit.paths.find(std::string(name));
  if (found == unit.paths.end() && unit.has_more) return {};
  if (found == unit.paths.end()) {
    const std::string line = "LoadCredential=" + std::string(name) + ":/etc/edgetide/credentials/" + std::string(name);
    return failed(subject + ": edgetide.service has no LoadCredential= for it",
                  "systemctl edit edgetide, and write below [Service]: " + line);
  }
  const std::string& path = found->second;
  if (path.empty() || ::access(path.c_str(), R_OK) == 0) {
    return path.empty() ? Resolved{} : content_or_path(path, path_only);
  }
  if (errno == ENOENT) {
    return failed(subject + ": the file of its LoadCredential=, " + path + ", does not exist",
                  "the service does not start without it: install -m 600 /dev/stdin " + path);
  }
  return unchecked(subject, " is in " + path + ", which this user may not read", "run the check as root");
}

Resolved credential(std::string_view name, bool path_only, const Secrets& secrets) {
  if (!is_file_name(name)) return failed("a credential is named by the name of its file");
  if (!secrets.resolve) return {};
  const char* folder = std::getenv("CREDENTIALS_DIRECTORY");
  if (folder == nullptr && secrets.unit != nullptr) return credential_of_unit(name, path_only, *secrets.unit);
  if (folder == nullptr) {
    return failed("credential '" + std::string(name) + "': $CREDENTIALS_DIRECTORY is not set",
                  "systemd sets it for LoadCredential=");
  }
  return content_or_path(std::string(folder) + '/' + std::string(name), path_only);
}

Resolved secret_file(std::string_view path, bool secrets) {
  if (!path.starts_with('/')) return failed("${file:} needs an absolute path");
  return secrets ? file_content(std::string(path), true) : Resolved{};
}

bool is_variable_name(std::string_view name) {
  const auto fits = [](char c) { return c == '_' || is_letter(c) || is_digit(c); };
  return !name.empty() && !is_digit(name[0]) && std::all_of(name.begin(), name.end(), fits);
}

Resolved variable(std::string_view rest, bool secrets) {
  const std::size_t separator = rest.find(":-");
  const std::string name(rest.substr(0, separator));
  if (!is_variable_name(name)) return failed("${env:} needs the name of a variable, and ':-' before a default");
  if (auto value = environment_variable(name)) return {std::move(value), {}, {}};
  if (separator != std::string_view::npos) return {std::string(rest.substr(separator + 2)), {}, {}};
  return secrets ? failed("the environment has no " + name) : Resolved{};
}

Resolved resolve(std::string_view reference, const Secrets& secrets) {
  const std::size_t colon = reference.find(':');
  const std::string_view scheme = reference.substr(0, colon);
  const std::string_view rest = colon == std::string_view::npos ? std::string_view() : reference.substr(colon + 1);
  if (scheme == "credential") return credential(rest, false, secrets);
  if (scheme == "credential_path") return credential(rest, true, secrets);
  if (scheme == "file") return secret_file(rest, secrets.resolve);
  if (scheme == "env") return variable(rest, secrets.resolve);
  // What stands in the braces is not repeated: it may be a secret that happens to look like a reference.
  std::string hint = did_you_mean(scheme, secret_schemes);
  return failed("unknown reference; there are ${credential:NAME}, ${credential_path:NAME}, ${file:/PATH}, ${env:NAME}",
                hint.empty() ? "write $${ for the characters ${" : hint);
}

// Replaces the references of one text; false: it stays empty, `message` says why if that is an error.
bool substitute(std::string_view from, const Secrets& secrets, std::string& to, Resolved& reason, Report& report) {
  while (true) {
    const std::size_t dollar = from.find("${");
    to += from.substr(0, dollar);
    if (dollar == std::string_view::npos) return true;
    if (dollar > 0 && from[dollar - 1] == '$') {  // $${
      to += '{';
      from.remove_prefix(dollar + 2);
      continue;
    }
    const std::size_t close = from.find('}', dollar);
    reason = close == std::string_view::npos ? failed("${ without }", "write $${ for the characters ${")
                                             : resolve(from.substr(dollar + 2, close - dollar - 2), secrets);
    if (!reason.text) return false;
    report.hide(*reason.text);
    to += *reason.text;
    from.remove_prefix(close + 1);
  }
}

void resolve_text(Node& node, const Secrets& secrets, Report& report) {
  if (node.written.find("${") == std::string::npos) return;
  std::string text;
  Resolved reason;
  node.known = substitute(node.written, secrets, text, reason, report);
  node.text = node.known ? text : std::string();
  const std::string subject = node.key.empty() ? std::string() : node.key + ": ";
  if (!reason.error.empty()) report.error(node.location, subject + reason.error, reason.hint);
  if (!reason.warning.empty()) report.warning(node.location, subject + reason.warning, reason.hint);
}

}  // namespace

void resolve_references(Node& root, const Secrets& secrets, Report& report) {
  if (root.kind == Node::Kind::text) resolve_text(root, secrets, report);
  for (Node& child : root.children) resolve_references(child, secrets, report);
}

}  // namespace edgetide
