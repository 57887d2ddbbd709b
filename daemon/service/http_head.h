// Whether libmicrohttpd read the values of a request's headers as they were sent. Before version 1.0 it takes a NUL for
// the end of a value, and the first line of a folded one for all of it. It parses in place and puts NUL where lines
// end: behind a whole value stand the end of its line and the next name, or the end of the head.
//
// Thread: that of the listener. Fails: never. For http_listener.cpp only.
#pragma once

struct MHD_Connection;

namespace edgetide {

// `method`: as libmicrohttpd gives it, where the head begins.
bool has_whole_headers(MHD_Connection* connection, const char* method);

}  // namespace edgetide
