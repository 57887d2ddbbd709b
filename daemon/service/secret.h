// Whether a request knows a secret. Thread: pure. Fails: never.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string_view>

#include "pipeline/characters.h"

namespace edgetide {

// In a time that does not depend on where they differ. Requires: the secret is not empty.
inline bool same_secret(std::string_view given, std::string_view secret) noexcept {
  std::size_t difference = given.size() ^ secret.size();
  for (std::size_t i = 0; i < given.size(); ++i) {
    difference |= static_cast<unsigned char>(given[i] ^ secret[i % secret.size()]);
  }
  return difference == 0;
}

// The value of an Authorization header with this scheme ("bearer ", in lower case) bears the token.
inline bool bears(std::string_view authorization, std::string_view scheme, std::string_view token) noexcept {
  return equal_but_for_case(authorization.substr(0, scheme.size()), scheme) &&
         same_secret(authorization.substr(scheme.size()), token);
}

}  // namespace edgetide
