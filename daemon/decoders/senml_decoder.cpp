#include "daemon/decoders/senml_decoder.h"

#include <algorithm>
#include <cmath>
#include <memory>

#include "daemon/decoders/cbor_json.h"
#include "daemon/decoders/id_text.h"
#include "daemon/decoders/time_field.h"

namespace edgetide {

namespace {

using Field = SenmlRecord::Field;

constexpr double first_absolute_time = 268'435'456;  // 2^28 s
constexpr double newest_version = 10, version_with_secondary_units = 26;

struct RegisteredUnit {
  std::string_view registered;
  std::string_view usual;
};
constexpr RegisteredUnit registered_units[] = {
    {"Cel", "°C"},    {"%RH", "%"},     {"%EL", "%"},     {"/100", "%"},      {"/1000", "‰"},     {"/", ""},
    {"lat", "°"},     {"lon", "°"},     {"deg", "°"},     {"m2", "m²"},       {"m3", "m³"},       {"m3/s", "m³/s"},
    {"m3/h", "m³/h"}, {"m/s2", "m/s²"}, {"W/m2", "W/m²"}, {"cd/m2", "cd/m²"}, {"kg/m3", "kg/m³"}, {"ug/m3", "µg/m³"},
};

std::string_view usual_unit(std::string_view unit) noexcept {
  const auto found = std::find_if(std::begin(registered_units), std::end(registered_units),
                                  [&](const RegisteredUnit& each) { return each.registered == unit; });
  return found == std::end(registered_units) ? unit : found->usual;
}

bool is_json(std::string_view payload) noexcept {
  return payload.empty() || static_cast<unsigned char>(payload.front()) < 0x80 || payload.starts_with("\xEF\xBB\xBF");
}

bool is_known_version(double version) noexcept {
  return (version >= 1 && version <= newest_version) || version == version_with_secondary_units;
}

}  // namespace

void SenmlDecoder::decode(const Message& message, DecodedBatch& out) {
  MessageOutput output(message, out);
  const bool is_cbor = !is_json(message.payload);
  if (is_cbor) {
    if (const auto refused = json_of_cbor(message.payload, json_)) {
      return output.refuse(refused->reason, refused->offset);
    }
  }
  const JsonParsed parsed = parser_.parse(is_cbor ? json_ : message.payload);
  if (!parsed.root) return output.refuse(parsed.refusal, 0);
  if (!parsed.root->is(JsonKind::array)) return output.refuse(Refusal::bad_syntax, 0);
  decode_pack(*parsed.root, is_cbor, message, output);
}

void SenmlDecoder::decode_pack(JsonValue pack, bool is_cbor, const Message& message, MessageOutput& output) {
  base_ = {};
  std::size_t index = 0;
  SenmlRecord record;
  for (const JsonValue element : pack.elements()) {
    if (output.full()) return;
    const auto place = [&](std::string_view field) {
      scratch_.assign(1, '[').append(std::to_string(index)).append(1, ']');
      if (!field.empty()) scratch_.append(1, '.').append(field);
      return output.batch().keep(scratch_);
    };
    if (!element.is(JsonKind::object)) {
      output.refuse(Refusal::bad_syntax, place({}), 0);
    } else if (const auto unknown = record.read(element, is_cbor)) {
      return output.refuse_message(Refusal::unsupported, place(*unknown));
    } else if (const auto bad_base = take_base(record)) {
      return output.refuse_message(bad_base->reason, place(bad_base->name));
    } else if (const auto bad = decode_record(record, message, output)) {
      output.refuse(bad->reason, place(bad->name), 0);
    }
    ++index;
  }
}

std::optional<SenmlDecoder::BadField> SenmlDecoder::take_base(const SenmlRecord& record) {
  for (const Field field : {Field::bver, Field::bt, Field::bv, Field::bs}) {
    if (record[field] && !record[field]->is(JsonKind::number)) return BadField{Refusal::bad_syntax, name_of(field)};
  }
  for (const Field field : {Field::bn, Field::bu}) {
    if (record[field] && !record[field]->is(JsonKind::text)) return BadField{Refusal::bad_syntax, name_of(field)};
  }
  if (record[Field::bver] && !is_known_version(record[Field::bver]->number())) {
    return BadField{Refusal::unsupported, name_of(Field::bver)};
  }
  if (record[Field::bn]) base_.name = record[Field::bn]->text();
  if (record[Field::bu]) base_.unit = record[Field::bu]->text();
  if (record[Field::bt]) base_.time = record[Field::bt]->number();
  if (record[Field::bv]) base_.value = record[Field::bv]->number();
  if (record[Field::bs]) base_.sum = record[Field::bs]->number();
  return std::nullopt;
}

// What a value is refused for is in the batch already; what is returned is of the whole record.
std::optional<SenmlDecoder::BadField> SenmlDecoder::decode_record(const SenmlRecord& record, const Message& message,
                                                                  MessageOutput& output) {
  if (record.has_only_base()) return std::nullopt;
  DecodedBatch& out = output.batch();
  DecodedReading reading;
  const auto unit = unit_of(record, out);
  if (!unit) return BadField{Refusal::bad_unit, name_of(record[Field::u] ? Field::u : Field::bu)};
  const std::string_view name = set_names(record, *unit, message, reading, out);
  if (name.empty()) return BadField{Refusal::bad_id, name_of(Field::n)};
  reading.unit = usual_unit(*unit);
  set_time(record, reading);
  const auto value = value_of(record, reading.unit), sum = with_base(record[Field::s], base_.sum, {});
  if (!value && !sum) return BadField{Refusal::bad_syntax, name_of(Field::v)};
  output.begin_record();
  const auto add = [&](const Value& read) {
    if (const auto* const refusal = std::get_if<Refusal>(&read)) return output.refuse(*refusal, name, 0);
    reading.value = std::get<ValueOfText>(read).number;
    output.add(reading, 0, std::get<ValueOfText>(read).inexact);
  };
  if (value) add(*value);
  if (!sum) return std::nullopt;
  if (!make_sum(reading, out)) return BadField{Refusal::bad_id, name_of(Field::s)};
  add(*sum);
  return std::nullopt;
}

// As the pack has it; nothing: it is none.
std::optional<std::string_view> SenmlDecoder::unit_of(const SenmlRecord& record, DecodedBatch& out) const {
  const auto& u = record[Field::u];
  if (u && !u->is(JsonKind::text)) return std::nullopt;
  const std::string_view unit = u ? u->text() : base_.unit;
  return is_id_or_empty(unit, out.max_id_bytes) ? std::optional(out.keep(unit)) : std::nullopt;
}

// The whole name; empty: it is none.
std::string_view SenmlDecoder::set_names(const SenmlRecord& record, std::string_view unit, const Message& message,
                                         DecodedReading& reading, DecodedBatch& out) {
  const auto& n = record[Field::n];
  if (n && !n->is(JsonKind::text)) return {};
  const std::string_view own = n ? n->text() : std::string_view();
  if (base_.name.size() + own.size() > out.max_id_bytes) return {};
  const std::string_view whole = out.keep(scratch_.assign(base_.name).append(own));
  if (!is_senml_name(whole)) return {};
  const SenmlName name{whole.substr(0, base_.name.size()), whole.substr(base_.name.size()), whole};
  return names_.set(name, unit, message, reading, out) ? whole : std::string_view();
}

void SenmlDecoder::set_time(const SenmlRecord& record, DecodedReading& reading) const {
  const auto& t = record[Field::t];
  const bool is_number = !t || t->is(JsonKind::number);
  const double time = base_.time + (t && is_number ? t->number() : 0);
  if (!is_number || time <= -first_absolute_time) {
    reading.event_time = unreadable_time;
  } else if (time < first_absolute_time) {
    reading.from_arrival = Duration::microseconds(std::llround(time * 1e6));
  } else {
    reading.event_time = time_of_number(time, TimeFormat::unix_s).value_or(unreadable_time);
  }
}

// Nothing: the record has none.
std::optional<SenmlDecoder::Value> SenmlDecoder::value_of(const SenmlRecord& record, std::string_view unit) const {
  std::size_t values = 0;
  for (const Field field : {Field::v, Field::vs, Field::vb, Field::vd}) values += record[field] ? 1 : 0;
  if (values > 1) return Refusal::bad_syntax;
  if (record[Field::vd]) return Refusal::unsupported;
  if (const auto& vs = record[Field::vs]) {
    const auto state = vs->is(JsonKind::text) ? reader_.state(vs->text()) : std::nullopt;
    return state ? Value(ValueOfText{*state}) : Value(Refusal::unsupported);
  }
  if (const auto& vb = record[Field::vb]) {
    return vb->is(JsonKind::boolean) ? Value(ValueOfText{reader_.boolean(vb->boolean())}) : Value(Refusal::bad_number);
  }
  if (!record[Field::v] && record[Field::s]) return std::nullopt;
  return with_base(record[Field::v], base_.value, unit);
}

std::optional<SenmlDecoder::Value> SenmlDecoder::with_base(const std::optional<JsonValue>& field,
                                                           const std::optional<double>& base,
                                                           std::string_view unit) const {
  if (!field) return base ? std::optional<Value>(ValueOfText{*base}) : std::nullopt;
  Value value = Refusal::bad_number;
  if (field->is(JsonKind::number)) value = ValueOfText{field->number(), field->inexact()};
  if (field->is(JsonKind::text)) value = reader_.read(without_mark(field->text()), unit);
  if (auto* const number = std::get_if<ValueOfText>(&value)) number->number += base.value_or(0);
  return value;
}

// False: its metric is not an id.
bool SenmlDecoder::make_sum(DecodedReading& reading, DecodedBatch& out) {
  scratch_.assign(reading.metric).append(".sum");
  if (!is_id(scratch_, out.max_id_bytes)) return false;
  reading.metric = out.keep(scratch_);
  if (reading.unit.empty()) return true;
  scratch_.assign(reading.unit).append("·s");
  if (!is_id(scratch_, out.max_id_bytes)) return false;
  reading.unit = out.keep(scratch_);
  return true;
}

const Format senml_format{
    .name = "senml",
    .takes = {"coerce_strings", "states"},
    .make = [](const MappingOptions& options, std::span<const std::string> captures) -> std::unique_ptr<Decoder> {
      return std::make_unique<SenmlDecoder>(options, captures);
    },
    .lines_have_names = true,
};

}  // namespace edgetide
