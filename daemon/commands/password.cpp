// `edgetide password USER`: a line for the `password_file` of an mqtt_listener, of a password that is read from
// standard input, without echo on a terminal.
#include <iostream>
#include <stdexcept>
#include <string>
#include <termios.h>
#include <unistd.h>

#include "daemon/commands/commands.h"
#include "daemon/service/password_hash.h"

namespace edgetide {

namespace {

constexpr std::size_t max_password_bytes = 1024;

// What is typed is not shown for as long as this lives.
class HiddenTyping {
 public:
  HiddenTyping() {
    if (tcgetattr(STDIN_FILENO, &before_) != 0) return;
    termios hidden = before_;
    hidden.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    is_hidden_ = tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden) == 0;
  }
  ~HiddenTyping() {
    if (is_hidden_) tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_);
  }
  HiddenTyping(const HiddenTyping&) = delete;
  HiddenTyping& operator=(const HiddenTyping&) = delete;

 private:
  termios before_{};
  bool is_hidden_ = false;
};

std::string read_password() {
  const bool is_typed = isatty(STDIN_FILENO) == 1;
  if (is_typed) std::cerr << "Password: " << std::flush;
  const HiddenTyping hidden;
  std::string password;
  std::getline(std::cin, password);
  if (is_typed) std::cerr << '\n';
  if (password.ends_with('\r')) password.pop_back();
  if (password.empty()) throw std::runtime_error("the password is empty");
  if (password.size() > max_password_bytes) throw std::runtime_error("the password is longer than 1024 bytes");
  return password;
}

bool fits_a_line(const std::string& text, bool may_have_colon) {
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < ' ' || c == 0x7F || (c == ':' && !may_have_colon)) return false;
  }
  return true;
}

}  // namespace

int password_command(const PasswordOptions& options) {
  if (options.user.empty() || options.user.starts_with('#') || !fits_a_line(options.user, false)) {
    throw std::runtime_error("a user name has no colon and no control character, and does not begin with #");
  }
  if (!fits_a_line(options.topic_prefix, true)) throw std::runtime_error("a prefix has no control character");
  std::cout << options.user << ':' << hash_password(read_password());
  if (!options.topic_prefix.empty()) std::cout << ':' << options.topic_prefix;
  std::cout << '\n' << std::flush;
  return std::cout ? exit_fine : exit_failed;
}

}  // namespace edgetide
