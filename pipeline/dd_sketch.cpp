#include "pipeline/dd_sketch.h"

#include <bit>
#include <cstdint>
#include <string_view>
#include <vector>

#include "pipeline/varint.h"

namespace edgetide {

namespace {

using Bin = QuantileSketch::Bin;

// As numbers, so that they are the same on every machine: libraries merge nothing of another mapping.
constexpr double bin_gamma = 1.0100505037878156;
constexpr double index_offset = 0.5037500468768751;  // -log((1 + bin_gamma) / (1 + bin_gamma^2)) / log(bin_gamma)

// In a key, behind the number of the field.
enum WireType : std::uint32_t { varint = 0, fixed64 = 1, length_delimited = 2 };

void append_key(std::string& out, std::uint32_t field, WireType type) {
  put_varint(out, field << 3 | type);
}

void append_double(std::string& out, double value) {
  put_bytes(out, std::bit_cast<std::uint64_t>(value), sizeof value);
}

void append_double_field(std::string& out, std::uint32_t field, double value) {
  if (value == 0) return;
  append_key(out, field, fixed64);
  append_double(out, value);
}

// A sint32.
void append_signed_field(std::string& out, std::uint32_t field, std::int32_t value) {
  if (value == 0) return;
  append_key(out, field, varint);
  put_varint(out, static_cast<std::uint32_t>(value) << 1 ^ static_cast<std::uint32_t>(value >> 31));
}

void append_message(std::string& out, std::uint32_t field, std::string_view message) {
  append_key(out, field, length_delimited);
  put_text(out, message);
}

std::string mapping() {
  std::string message;
  append_double_field(message, 1, bin_gamma);
  append_double_field(message, 2, index_offset);
  return message;  // interpolation NONE, which is 0
}

void append_sparse(std::string& out, const std::vector<Bin>& bins) {
  std::string entry;
  for (const Bin& bin : bins) {
    entry.clear();
    append_signed_field(entry, 1, bin.place);
    append_double_field(entry, 2, static_cast<double>(bin.count));
    append_message(out, 1, entry);
  }
}

void append_contiguous(std::string& out, const std::vector<Bin>& bins, std::size_t count) {
  append_key(out, 2, length_delimited);
  put_varint(out, count * sizeof(double));
  std::int32_t place = bins.front().place;
  for (const Bin& bin : bins) {
    for (; place < bin.place; ++place) append_double(out, 0);
    append_double(out, static_cast<double>(bin.count));
    ++place;
  }
  append_signed_field(out, 3, bins.front().place);
}

std::string store(const std::vector<Bin>& bins) {
  std::string message;
  if (bins.empty()) return message;
  const auto count = static_cast<std::size_t>(bins.back().place - bins.front().place) + 1;
  count > max_contiguous_bins ? append_sparse(message, bins) : append_contiguous(message, bins, count);
  return message;
}

}  // namespace

std::string dd_sketch(const QuantileSketch& sketch) {
  const QuantileSketch::Bins bins = sketch.bins();
  std::string message;
  append_message(message, 1, mapping());
  append_message(message, 2, store(bins.positive));
  append_message(message, 3, store(bins.negative));
  append_double_field(message, 4, static_cast<double>(bins.zeros));
  return message;
}

}  // namespace edgetide
