#include "daemon/sources/device_passwords.h"

#include <fstream>
#include <stdexcept>
#include <sys/stat.h>
#include <utility>

#include "daemon/service/regular_file.h"

namespace edgetide {

namespace {

constexpr std::chrono::seconds look_every{1};
constexpr std::size_t max_user_bytes = 255;
constexpr std::int64_t max_password_file_bytes = 1024 * 1024;

[[noreturn]] void refuse_line(const std::string& path, std::size_t line, const std::string& why) {
  throw std::runtime_error(path + ':' + std::to_string(line) + ": " + why);
}

}  // namespace

DevicePasswords::DevicePasswords(std::string path)
    : path_(std::move(path)), state_(state_of(path_)), users_(read(path_)) {}

DevicePasswords::FileState DevicePasswords::state_of(const std::string& path) {
  struct stat status {};
  if (stat(path.c_str(), &status) != 0) return {};
  return {status.st_size, status.st_mtim.tv_sec, status.st_mtim.tv_nsec, status.st_ino};
}

DevicePasswords::Users DevicePasswords::read(const std::string& path) {
  if (const std::string error = unfit_for_reading(path); !error.empty()) throw std::runtime_error(path + ' ' + error);
  if (state_of(path).size > max_password_file_bytes) throw std::runtime_error(path + " is larger than 1 MiB");
  std::ifstream file(path);
  if (!file) throw std::runtime_error("cannot read " + path);
  Users users;
  std::string line;
  for (std::size_t number = 1; std::getline(file, line); ++number) {
    if (line.ends_with('\r')) line.pop_back();
    if (line.empty() || line.starts_with('#')) continue;
    const std::size_t name_end = line.find(':');
    if (name_end == line.npos || name_end == 0) refuse_line(path, number, "a line is USER:HASH or USER:HASH:PREFIX");
    if (name_end > max_user_bytes) refuse_line(path, number, "the user name is longer than 255 bytes");
    const std::size_t hash_end = line.find(':', name_end + 1);
    const std::string_view text = std::string_view(line).substr(name_end + 1, hash_end - name_end - 1);
    const std::optional<PasswordHash> hash = PasswordHash::parse(text);
    if (!hash) refuse_line(path, number, "the hash is not one of `edgetide password` or mosquitto_passwd");
    std::string prefix = hash_end == line.npos ? std::string() : line.substr(hash_end + 1);
    users.insert_or_assign(line.substr(0, name_end), User{*hash, std::move(prefix), std::nullopt});
  }
  return users;
}

void DevicePasswords::read_if_changed(Time now) {
  if (now - looked_at_ < look_every) return;
  looked_at_ = now;
  const FileState state = state_of(path_);
  if (state == state_) return;
  state_ = state;
  try {
    users_ = read(path_);
  } catch (const std::runtime_error& failure) {
    error_ = std::string(failure.what()) + "; the users before it stay";
  }
}

bool DevicePasswords::may_check(Time now) noexcept {
  if (now - second_began_at_ >= std::chrono::seconds(1)) second_began_at_ = now, checks_ = 0;
  return ++checks_ <= checks_per_second;
}

DevicePasswords::Verdict DevicePasswords::check(std::optional<std::string_view> user,
                                                std::optional<std::string_view> password, Time now) {
  read_if_changed(now);
  if (!user || !password) return {MqttReason::not_authorized};
  const auto found = users_.find(*user);
  if (found == users_.end()) return {MqttReason::bad_user_or_password};
  User& known = found->second;
  const PasswordDigests::Digest digest = digests_.of(*password);
  if (known.known && is_same_digest(*known.known, digest)) return {MqttReason::success, known.topic_prefix};
  if (!may_check(now)) return {MqttReason::server_busy};
  if (!known.hash.matches(*password)) return {MqttReason::bad_user_or_password};
  known.known = digest;
  return {MqttReason::success, known.topic_prefix};
}

}  // namespace edgetide
