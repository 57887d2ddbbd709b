// Who may publish, and where: a file with a line for each user, as mosquitto_passwd writes it, "USER:HASH", and behind
// that, if the user may publish to some topics only, what they begin with: "USER:HASH:site/north/". `edgetide
// password` makes such lines.
//
// The file is read again when it has changed. A password that has matched is known by a digest, so that a client that
// connects again costs little.
//
// Thread: one owner at a time. Blocks: for a small file, and some milliseconds for a password that is not known.
// Fails:  construction throws std::runtime_error. A changed file that cannot be used changes nothing: `error`.
// Limit:  1 MiB; checks_per_second passwords that are not known.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "daemon/mqtt/mqtt_reason.h"
#include "daemon/service/password_hash.h"

namespace edgetide {

class DevicePasswords {
 public:
  using Time = std::chrono::steady_clock::time_point;
  static constexpr unsigned checks_per_second = 20;

  explicit DevicePasswords(std::string path);

  struct Verdict {
    MqttReason reason = MqttReason::success;
    std::string topic_prefix = {};
  };
  Verdict check(std::optional<std::string_view> user, std::optional<std::string_view> password, Time now);

  // Why the changed file is not used, once.
  std::string take_error() { return std::exchange(error_, {}); }

 private:
  struct User {
    PasswordHash hash;
    std::string topic_prefix;
    std::optional<PasswordDigests::Digest> known;
  };
  using Users = std::map<std::string, User, std::less<>>;
  struct FileState {
    std::int64_t size = -1, seconds = 0, nanoseconds = 0;
    std::uint64_t inode = 0;
    bool operator==(const FileState&) const = default;
  };

  static FileState state_of(const std::string& path);
  static Users read(const std::string& path);
  void read_if_changed(Time now);
  bool may_check(Time now) noexcept;

  const std::string path_;
  const PasswordDigests digests_;
  FileState state_;
  Users users_;
  std::string error_;
  Time looked_at_{}, second_began_at_{};
  unsigned checks_ = 0;  // in this second
};

}  // namespace edgetide
