// Topics of Sparkplug B: spBv1.0/GROUP/NBIRTH/NODE, spBv1.0/GROUP/DDATA/NODE/DEVICE and so on.
//
// Owns:   nothing; its parts point into the topic. Thread: pure.
// Fails:  a refusal: unsupported for a topic that is not one of these, bad_id for names that could not be ids.
// See: Sparkplug 3.0.0, chapter 4.
#pragma once

#include <cstdint>
#include <string_view>
#include <variant>

#include "pipeline/refusal.h"

namespace edgetide {

struct SparkplugTopic {
  enum class Kind : std::uint8_t {
    birth,
    data,
    death,
    other,  // a command or the state of a host application; our own requests come back so
  } kind = Kind::other;
  std::string_view group;
  std::string_view node;
  std::string_view device;  // empty: the message is about the node itself
};

std::variant<SparkplugTopic, Refusal> sparkplug_topic(std::string_view topic) noexcept;

}  // namespace edgetide
