// The answer with which a server opens a WebSocket, held back until it is whole and well-formed.
//
// The library keeps what it has read of an answer in a buffer that all its connections share; it clears it only behind
// a whole one that it can take. So it gets that at once, or the end of the connection.
//
// Thread: one owner at a time; pure.
// Limit:  as large as the library takes, 1,036 bytes.
// See:    RFC 6455, 4.2.2
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace edgetide {

class WebSocketAnswer {
 public:
  // How many bytes to read next at most; 0: it is whole.
  std::size_t wanted() const noexcept;
  // False: it opens no WebSocket that the library could use.
  bool take(std::string_view bytes);
  // For the library, once it is whole.
  std::size_t give(char* into, std::size_t size) noexcept;
  bool is_whole() const noexcept { return is_whole_; }
  bool is_given() const noexcept { return is_whole_ && given_ == bytes_.size(); }

 private:
  std::string bytes_;
  bool is_whole_ = false;
  std::size_t given_ = 0;
};

}  // namespace edgetide
