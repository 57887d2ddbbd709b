// How the bytes of a socket become messages, whatever format the messages have.
//
// newline:        a stream, or a datagram, of lines; the newline is not part of the message.
// length_prefix:  a stream of messages, each after its length as 4 bytes, big-endian; the length is not part of it.
// whole:          a datagram is one message.
#pragma once

#include "pipeline/enum_word.h"

namespace edgetide {

enum class Framing { newline, length_prefix, whole };
inline constexpr EnumWord<Framing> stream_framing_words[] = {{Framing::newline, "newline"},
                                                             {Framing::length_prefix, "length_prefix"}};
inline constexpr EnumWord<Framing> datagram_framing_words[] = {{Framing::newline, "newline"},
                                                               {Framing::whole, "whole"}};

}  // namespace edgetide
