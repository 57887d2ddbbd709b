// Hashes of passwords, in the form that mosquitto_passwd writes: "$7$ROUNDS$SALT$HASH", PBKDF2 with SHA-512, salt and
// hash in base64.
//
// Thread: any. Fails: `hash_password` throws std::runtime_error where the system gives no random bytes.
// The only user of OpenSSL's digests.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace edgetide {

class PasswordHash {
 public:
  static constexpr unsigned usual_rounds = 20'000;
  static constexpr unsigned most_rounds = 1'000'000;

  // Nothing: it is not a hash, or one of too many rounds.
  static std::optional<PasswordHash> parse(std::string_view text);

  // Takes its rounds: some milliseconds for the usual ones.
  bool matches(std::string_view password) const;

 private:
  unsigned rounds_ = 0;
  std::vector<unsigned char> salt_, hash_;
};

std::string hash_password(std::string_view password, unsigned rounds = PasswordHash::usual_rounds);

// To know a password again that has matched, quickly: a digest under a key that only this process has.
class PasswordDigests {
 public:
  using Digest = std::array<unsigned char, 32>;
  PasswordDigests();
  Digest of(std::string_view password) const;

 private:
  Digest key_{};
};

// In a time that does not depend on where they differ.
bool is_same_digest(const PasswordDigests::Digest& one, const PasswordDigests::Digest& other) noexcept;

}  // namespace edgetide
