// A QuantileSketch as the message DDSketch in Protocol Buffers, which DDSketch's libraries for Java, Go, Python and
// JavaScript read. Adding up the bins of several gives the one of all their values.
//
// All have one mapping, whatever is in them: gamma is the square root of 1.01 / 0.99, so a bucket of ours is every
// second bin. The libraries do not agree where a bin lies: that of Python gives for bin i a value that is by one gamma
// less than those of Java and Go do. The offset is such that Python's value is ours, within 1 % of everything in the
// bucket; so Java's and Go's is 1 % more than that, unless 1 is added to indexOffset before they are given it.
//
// The bins of one sign are in contiguousBinCounts, which all libraries read, unless there are more than
// max_contiguous_bins from the first to the last: then in binCounts. What is 0 is left out as proto3 does it; the three
// messages are always there, since Go's library expects them.
//
// See: DDSketch.proto in DataDog/sketches-java; https://protobuf.dev/programming-guides/encoding/
// Thread: pure. Fails: never. Limit: about 32 KiB for each sign.
#pragma once

#include <cstddef>
#include <string>

#include "pipeline/quantile_sketch.h"

namespace edgetide {

inline constexpr std::size_t max_contiguous_bins = 4096;  // 17 powers of ten

std::string dd_sketch(const QuantileSketch& sketch);

}  // namespace edgetide
