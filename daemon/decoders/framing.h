// How the bytes of a socket become messages. A format has a framing that suits it; the configuration may say another.
//
// newline:        a stream, or a datagram, of lines; the newline is not part of the message.
// length_prefix:  a stream of messages, each after its length as 4 bytes, big-endian; the length is not part of it.
// telegram:       a stream of messages of several lines, each from a line that begins with '/' to one that begins with
//                 '!' (daemon/sources/telegram_buffer.h).
// whole:          a datagram is one message.
//
// Thread: plain values.
#pragma once

#include "pipeline/enum_word.h"

namespace edgetide {

enum class Framing { newline, length_prefix, telegram, whole };
inline constexpr EnumWord<Framing> stream_framing_words[] = {
    {Framing::newline, "newline"}, {Framing::length_prefix, "length_prefix"}, {Framing::telegram, "telegram"}};
inline constexpr EnumWord<Framing> datagram_framing_words[] = {{Framing::newline, "newline"},
                                                               {Framing::whole, "whole"}};

}  // namespace edgetide
