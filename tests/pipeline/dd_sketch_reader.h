// Reads what dd_sketch writes, by the published message, and merges it as DDSketch's libraries do: by adding up bins.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <map>
#include <stdexcept>
#include <string_view>

#include "daemon/decoders/protobuf.h"

namespace edgetide::test {

struct ReadSketch {
  double gamma = 0, offset = 0, zeros = 0;
  std::map<std::int32_t, double> positive, negative;  // counts by bin
  bool operator==(const ReadSketch&) const = default;

  double count() const {
    double sum = zeros;
    for (const auto* bins : {&positive, &negative}) {
      for (const auto& [bin, count] : *bins) sum += count;
    }
    return sum;
  }
  void merge(const ReadSketch& other) {
    if (gamma == 0) gamma = other.gamma, offset = other.offset;
    if (gamma != other.gamma || offset != other.offset) throw std::runtime_error("another mapping");
    zeros += other.zeros;
    for (const auto& [bin, count] : other.positive) positive[bin] += count;
    for (const auto& [bin, count] : other.negative) negative[bin] += count;
  }
  // As the library of Python gives it. Requires: values.
  double percentile(double percent) const {
    double rank = std::floor(percent / 100 * (count() - 1));
    for (auto bin = negative.rbegin(); bin != negative.rend(); ++bin) {
      if ((rank -= bin->second) < 0) return -value(bin->first);
    }
    if ((rank -= zeros) < 0) return 0;
    for (const auto& [bin, count] : positive) {
      if ((rank -= count) < 0) return value(bin);
    }
    throw std::runtime_error("the rank is beyond all bins");
  }
  double value(std::int32_t bin) const { return std::pow(gamma, bin - offset) * 2 / (1 + gamma); }
};

namespace detail {

template <typename Visit>
void for_each_field(std::string_view message, Visit&& visit) {
  ProtobufReader reader(message);
  ProtobufField field;
  while (reader.next(field)) visit(field);
  if (reader.is_malformed()) throw std::runtime_error("malformed message");
}

inline std::int32_t signed_of(std::uint64_t zigzag) {
  return static_cast<std::int32_t>(static_cast<std::uint32_t>(zigzag >> 1) ^ -static_cast<std::uint32_t>(zigzag & 1));
}

inline std::map<std::int32_t, double> read_store(std::string_view message) {
  std::map<std::int32_t, double> bins;
  std::string_view contiguous;
  std::int32_t first = 0;
  for_each_field(message, [&](const ProtobufField& field) {
    if (field.number == 2) contiguous = field.bytes;
    if (field.number == 3) first = signed_of(field.integer);
    if (field.number != 1) return;
    std::int32_t bin = 0;
    for_each_field(field.bytes, [&](const ProtobufField& entry) {
      if (entry.number == 1) bin = signed_of(entry.integer);
      if (entry.number == 2) bins[bin] = std::bit_cast<double>(entry.integer);
    });
  });
  for (std::int32_t i = 0; contiguous.size() >= 8; ++i, contiguous.remove_prefix(8)) {
    std::uint64_t bits = 0;
    for (unsigned byte = 8; byte-- > 0;) bits = bits << 8 | static_cast<unsigned char>(contiguous[byte]);
    if (const double count = std::bit_cast<double>(bits); count != 0) bins[first + i] = count;
  }
  return bins;
}

}  // namespace detail

inline ReadSketch read_sketch(std::string_view message) {
  ReadSketch sketch;
  detail::for_each_field(message, [&](const ProtobufField& field) {
    if (field.number == 1) {
      detail::for_each_field(field.bytes, [&](const ProtobufField& part) {
        (part.number == 1 ? sketch.gamma : sketch.offset) = std::bit_cast<double>(part.integer);
      });
    }
    if (field.number == 2) sketch.positive = detail::read_store(field.bytes);
    if (field.number == 3) sketch.negative = detail::read_store(field.bytes);
    if (field.number == 4) sketch.zeros = std::bit_cast<double>(field.integer);
  });
  return sketch;
}

}  // namespace edgetide::test
