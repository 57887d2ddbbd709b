// How the bytes of a socket become messages, whatever format the messages have.
//
// newline:        a stream, or a datagram, of lines; the newline is not part of the message.
// length_prefix:  a stream of messages, each after its length as 4 bytes, big-endian; the length is not part of it.
// whole:          a datagram is one message.
#pragma once

namespace edgetide {

enum class Framing { newline, length_prefix, whole };

}  // namespace edgetide
