// Whether the head of a request says one thing only: headers that may stand there once do, in every version of it. And
// whether libmicrohttpd read it as it was sent. Before version 1.0 it takes a NUL for the end of the
// method, the path, the query or a value, the first line of a folded value for all of it, and a line that begins with a
// blank for a header of such a name. It parses in place and puts NUL where parts end: behind a whole part stand its end
// and the next part, or the end of the head.
//
// Thread: that of the listener. Fails: never. For http_listener.cpp only.
#pragma once

#include <cstddef>
#include <string_view>

struct MHD_Connection;

namespace edgetide {

// As libmicrohttpd gives it: pointers into the head.
struct HttpFirstLine {
  const char* method;
  const char* target;  // the path; its query follows
  const char* version;
  std::size_t target_size;  // up to a NUL, before the query was taken off and apart
};

// What a client may not send, one line; empty: nothing.
std::string_view fault_of_head(MHD_Connection* connection, const HttpFirstLine& line);

}  // namespace edgetide
