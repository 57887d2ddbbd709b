#include "daemon/service/password_hash.h"

#include <charconv>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <stdexcept>

namespace edgetide {

namespace {

constexpr std::string_view hash_mark = "$7$";
constexpr std::size_t salt_bytes = 12, hash_bytes = 64;
constexpr std::size_t max_salt_bytes = 64;

void fill_random(unsigned char* bytes, std::size_t count) {
  if (RAND_bytes(bytes, static_cast<int>(count)) != 1) throw std::runtime_error("the system gives no random bytes");
}

std::string base64_of(const std::vector<unsigned char>& bytes) {
  std::string text(4 * ((bytes.size() + 2) / 3) + 1, '\0');
  const int length =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()), bytes.data(), static_cast<int>(bytes.size()));
  text.resize(static_cast<std::size_t>(length));
  return text;
}

std::optional<std::vector<unsigned char>> bytes_of_base64(std::string_view text) {
  if (text.empty() || text.size() % 4 != 0) return std::nullopt;
  std::vector<unsigned char> bytes(text.size() / 4 * 3);
  const int length =
      EVP_DecodeBlock(bytes.data(), reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
  if (length < 0) return std::nullopt;
  std::size_t padding = 0;
  while (padding < 2 && text[text.size() - 1 - padding] == '=') ++padding;
  bytes.resize(static_cast<std::size_t>(length) - padding);
  return bytes;
}

std::vector<unsigned char> derive(std::string_view password, const std::vector<unsigned char>& salt, unsigned rounds,
                                  std::size_t size) {
  std::vector<unsigned char> hash(size);
  if (PKCS5_PBKDF2_HMAC(password.data(), static_cast<int>(password.size()), salt.data(), static_cast<int>(salt.size()),
                        static_cast<int>(rounds), EVP_sha512(), static_cast<int>(size), hash.data()) != 1) {
    throw std::runtime_error("a password cannot be hashed");
  }
  return hash;
}

// The part before the next '$', which is taken off with it.
std::string_view take_part(std::string_view& text) {
  const std::size_t end = text.find('$');
  const std::string_view part = text.substr(0, end);
  text.remove_prefix(end == text.npos ? text.size() : end + 1);
  return part;
}

}  // namespace

std::optional<PasswordHash> PasswordHash::parse(std::string_view text) {
  if (!text.starts_with(hash_mark)) return std::nullopt;
  text.remove_prefix(hash_mark.size());
  PasswordHash hash;
  const std::string_view rounds = take_part(text);
  const auto [end, error] = std::from_chars(rounds.data(), rounds.data() + rounds.size(), hash.rounds_);
  const bool is_number = error == std::errc() && end == rounds.data() + rounds.size();
  if (!is_number || hash.rounds_ == 0 || hash.rounds_ > most_rounds) return std::nullopt;
  const auto salt = bytes_of_base64(take_part(text)), wanted = bytes_of_base64(text);
  if (!salt || !wanted || salt->empty() || salt->size() > max_salt_bytes || wanted->size() != hash_bytes) {
    return std::nullopt;
  }
  hash.salt_ = *salt;
  hash.hash_ = *wanted;
  return hash;
}

bool PasswordHash::matches(std::string_view password) const {
  return CRYPTO_memcmp(derive(password, salt_, rounds_, hash_.size()).data(), hash_.data(), hash_.size()) == 0;
}

std::string hash_password(std::string_view password, unsigned rounds) {
  std::vector<unsigned char> salt(salt_bytes);
  fill_random(salt.data(), salt.size());
  return std::string(hash_mark) + std::to_string(rounds) + '$' + base64_of(salt) + '$' +
         base64_of(derive(password, salt, rounds, hash_bytes));
}

PasswordDigests::PasswordDigests() {
  fill_random(key_.data(), key_.size());
}

PasswordDigests::Digest PasswordDigests::of(std::string_view password) const {
  Digest digest{};
  unsigned size = 0;
  if (HMAC(EVP_sha256(), key_.data(), static_cast<int>(key_.size()),
           reinterpret_cast<const unsigned char*>(password.data()), password.size(), digest.data(), &size) == nullptr) {
    throw std::runtime_error("a password cannot be hashed");
  }
  return digest;
}

bool is_same_digest(const PasswordDigests::Digest& one, const PasswordDigests::Digest& other) noexcept {
  return CRYPTO_memcmp(one.data(), other.data(), one.size()) == 0;
}

}  // namespace edgetide
