#include "daemon/broker/web_socket_answer.h"

#include <algorithm>

namespace edgetide {

namespace {

constexpr std::string_view opens = "HTTP/1.1 101", end_of_head = "\r\n\r\n";
constexpr std::size_t max_bytes = opens.size() + 1024;  // the library reads these two parts

}  // namespace

std::size_t WebSocketAnswer::wanted() const noexcept {
  return is_whole_ ? 0 : max_bytes - bytes_.size();
}

bool WebSocketAnswer::take(std::string_view bytes) {
  bytes_ += bytes;
  const std::string_view all = bytes_;
  if (all.substr(0, opens.size()) != opens.substr(0, all.size())) return false;
  const std::size_t end = all.find(end_of_head);
  if (end == all.npos) return wanted() > 0;
  is_whole_ = true;
  return end + end_of_head.size() == all.size();  // a broker says nothing before CONNECT
}

std::size_t WebSocketAnswer::give(char* into, std::size_t size) noexcept {
  const std::size_t count = std::min(size, bytes_.size() - given_);
  std::copy_n(bytes_.data() + given_, count, into);
  given_ += count;
  return count;
}

}  // namespace edgetide
