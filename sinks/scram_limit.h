// How many rounds of SCRAM a PostgreSQL server may ask for. libpq computes as many as it asks for, up to 2^31, and
// nothing ends that; so a server that asks for too many is left before libpq knows.
//
// It is shown what libpq reads while a connection is made. Thread: one owner at a time. Fails: never.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace edgetide {

class ScramLimit {
 public:
  static constexpr std::uint32_t max_rounds = 1'000'000;  // servers ask for 4,096; so many take a small gateway seconds

  // False, from then on: the server asks for more.
  bool accepts(std::string_view bytes) noexcept;
  bool has_refused() const noexcept { return has_refused_; }

 private:
  std::string newest_;  // of what was read, as much as may be the begun message
  bool has_refused_ = false;
};

}  // namespace edgetide
