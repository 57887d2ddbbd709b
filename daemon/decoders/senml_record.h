// The fields of one SenML record, by their names in JSON or their integer labels in CBOR.
//
// Thread: pure.
// Fails:  a record with an unknown field that must be understood: its name ends with '_'.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string_view>

#include "daemon/decoders/json.h"

namespace edgetide {

class SenmlRecord {
 public:
  enum Field : std::size_t { bver, bn, bt, bu, bv, bs, n, u, v, vs, vb, vd, s, t, ut, fields };

  // The name of the field that must be understood; nothing: there is none. Of repeated fields the first counts.
  std::optional<std::string_view> read(JsonValue object, bool is_cbor) noexcept;

  const std::optional<JsonValue>& operator[](Field field) const noexcept { return values_[field]; }
  bool has_only_base() const noexcept { return has_base_ && !has_own_; }

 private:
  std::array<std::optional<JsonValue>, fields> values_;
  bool has_base_ = false, has_own_ = false;
};

std::string_view name_of(SenmlRecord::Field field) noexcept;

}  // namespace edgetide
