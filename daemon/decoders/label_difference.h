// In what the labels of two readings of one series differ: two things may have been given one name.
//
// Thread: pure. Fails: never. Requires: keys and values are ids or empty.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "daemon/decoders/decoded_batch.h"
#include "pipeline/series.h"

namespace edgetide {

struct LabelDifference {
  std::string keys = {};  // "device, path"; empty: there is none
  std::string text = {};  // "device (sda, sdb), path (/, none)", of many the first
};

LabelDifference difference_of(std::span<const LabelView> a, std::span<const LabelView> b);

inline constexpr std::size_t max_advice_bytes = 600;

// What is to be done about it; as it is printed, at most that long.
std::string mixed_advice(const LabelDifference& labels);

// Of the readings of one message: the first two of each series and time, or without one, whose labels differ, as
// positions in `readings`; of each set of keys one.
struct MixedReadings {
  std::size_t first = 0, second = 0;
  LabelDifference labels;
};
std::vector<MixedReadings> mixed_readings(const DecodedBatch& batch);

}  // namespace edgetide
