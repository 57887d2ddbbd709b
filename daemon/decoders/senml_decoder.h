// SenML packs, as JSON and as CBOR: [{"bn":"urn:dev:ow:10e2073a01080063:","bt":1.3e9,"n":"voltage","u":"V","v":120}]
//
// Form.    A payload that begins with a byte of ASCII or a byte order mark is JSON, any other CBOR (cbor_json.h).
// Base.    bn, bt, bu, bv and bs hold for their record and those behind it, up to the next of the same. A record with
//          nothing but base fields only gives them to those behind it.
// Names.   As senml_name.h says.
// Values.  v + bv; vb is 1 or 0, and vs the number of its word, as `states` says (states.h). Other strings, which may
//          be ids in digits, and data (vd) are unsupported. Without a value bv alone is it, unless there is a sum.
// Sum.     s + bs is a reading besides, of the metric with ".sum" behind it, in the unit times seconds ("W·s").
// Units.   Those of the registry as they are usually written: "Cel" is °C, "%RH" is %; others as they are.
// Time.    bt + t in seconds; below 2^28 it counts from the arrival, which 0 is. A t that is not a number leaves the
//          readings of its record with unreadable_time.
// Records. A bad one is one refusal, with its name or place. The pack is refused as a whole for a base field of the
//          wrong type, an unknown field whose name ends with '_', and a version above 10 (but 26, which adds units).
// Other fields, and ut, are skipped.
//
// See:    RFC 8428, RFC 9100. Thread, Fails: see decoder.h. Offsets are those of CBOR that cannot be read.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "daemon/decoders/decoder.h"
#include "daemon/decoders/json.h"
#include "daemon/decoders/message_output.h"
#include "daemon/decoders/senml_name.h"
#include "daemon/decoders/senml_record.h"
#include "daemon/decoders/value_text.h"

namespace edgetide {

class SenmlDecoder final : public Decoder {
 public:
  SenmlDecoder(const MappingOptions& options, std::span<const std::string> capture_names)
      : names_(options, capture_names), reader_(options) {}
  void decode(const Message& message, DecodedBatch& out) override;

 private:
  struct Base {
    std::string_view name, unit;
    double time = 0;
    std::optional<double> value, sum;
  };
  struct BadField {
    Refusal reason;
    std::string_view name;
  };
  using Value = std::variant<ValueOfText, Refusal>;

  void decode_pack(JsonValue pack, bool is_cbor, const Message& message, MessageOutput& output);
  std::optional<BadField> take_base(const SenmlRecord& record);
  std::optional<BadField> decode_record(const SenmlRecord& record, const Message& message, MessageOutput& output);
  std::optional<std::string_view> unit_of(const SenmlRecord& record, DecodedBatch& out) const;
  std::string_view set_names(const SenmlRecord& record, std::string_view unit, const Message& message,
                             DecodedReading& reading, DecodedBatch& out);
  void set_time(const SenmlRecord& record, DecodedReading& reading) const;
  std::optional<Value> value_of(const SenmlRecord& record, std::string_view unit) const;
  std::optional<Value> with_base(const std::optional<JsonValue>& field, const std::optional<double>& base,
                                 std::string_view unit) const;
  bool make_sum(DecodedReading& reading, DecodedBatch& out);

  SenmlNames names_;
  ValueReader reader_;
  JsonParser parser_;

  // Of the pack that is being decoded; reused.
  std::string json_;
  Base base_;
  std::string scratch_;
};

extern const Format senml_format;

}  // namespace edgetide
