#include "daemon/decoders/senml_record.h"

namespace edgetide {

namespace {

struct KnownField {
  std::string_view name;
  std::string_view label;  // as json_of_cbor writes it
};

// By SenmlRecord::Field. RFC 8428, 4.3 and 6.
constexpr std::array<KnownField, SenmlRecord::fields> known_fields = {{{"bver", "-1"},
                                                                       {"bn", "-2"},
                                                                       {"bt", "-3"},
                                                                       {"bu", "-4"},
                                                                       {"bv", "-5"},
                                                                       {"bs", "-6"},
                                                                       {"n", "0"},
                                                                       {"u", "1"},
                                                                       {"v", "2"},
                                                                       {"vs", "3"},
                                                                       {"vb", "4"},
                                                                       {"vd", "8"},
                                                                       {"s", "5"},
                                                                       {"t", "6"},
                                                                       {"ut", "7"}}};

}  // namespace

std::optional<std::string_view> SenmlRecord::read(JsonValue object, bool is_cbor) noexcept {
  *this = {};
  for (const JsonMember member : object.members()) {
    std::size_t field = 0;
    while (field < fields && member.key != known_fields[field].name &&
           !(is_cbor && member.key == known_fields[field].label)) {
      ++field;
    }
    if (field == fields && member.key.ends_with('_')) return member.key;
    if (field == fields) continue;
    if (!values_[field]) values_[field] = member.value;
    (field <= bs ? has_base_ : has_own_) = true;
  }
  return std::nullopt;
}

std::string_view name_of(SenmlRecord::Field field) noexcept {
  return known_fields[field].name;
}

}  // namespace edgetide
