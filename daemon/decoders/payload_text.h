// The text of a payload without what some senders put around it: a byte order mark of UTF-8, and the NULs that end the
// strings of C.
//
// Thread: pure. Fails: never.
#pragma once

#include <string_view>

namespace edgetide {

inline std::string_view text_of_payload(std::string_view payload) noexcept {
  constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
  while (payload.ends_with('\0')) payload.remove_suffix(1);
  while (payload.starts_with('\0')) payload.remove_prefix(1);
  if (payload.starts_with(byte_order_mark)) payload.remove_prefix(byte_order_mark.size());
  return payload;
}

}  // namespace edgetide
