// A connected socket of a hand tool: blocking, closed by its destructor.
//
// Fails: std::runtime_error with the attempted operation and the reason.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace edgetide::simulation {

class Connection {
 public:
  static Connection tcp(const std::string& host, const std::string& port);
  static Connection udp(const std::string& host, const std::string& port);
  static Connection unix_stream(const std::string& path);

  Connection(Connection&& other) noexcept;
  Connection& operator=(Connection&&) = delete;
  ~Connection();

  void write(std::string_view bytes);
  // At least one byte, or 0 at the end. Waits 30 s at most.
  std::size_t read(std::span<char> into);
  bool readable() const;
  void end_of_writing() noexcept;

 private:
  explicit Connection(int descriptor) noexcept : descriptor_(descriptor) {}
  static Connection internet(const std::string& host, const std::string& port, int type);
  int descriptor_;
};

}  // namespace edgetide::simulation
