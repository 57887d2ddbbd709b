// `edgetide top`: the gateway draws one frame per second; this shows it until q or Ctrl-C.
#include <array>
#include <csignal>
#include <iostream>
#include <poll.h>
#include <stdexcept>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include "daemon/commands/commands.h"
#include "daemon/monitor/control_client.h"
#include "daemon/monitor/control_commands.h"

namespace edgetide {

namespace {

// Switches the terminal to its alternate screen without echo; the destructor restores it.
class Screen {
 public:
  Screen() {
    if (isatty(STDIN_FILENO) == 0 || isatty(STDOUT_FILENO) == 0) {
      throw std::runtime_error("top needs a terminal; `edgetide status` does not");
    }
    tcgetattr(STDIN_FILENO, &before_);
    termios quiet = before_;
    quiet.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
    tcsetattr(STDIN_FILENO, TCSANOW, &quiet);
    std::cout << "\x1b[?1049h\x1b[?25l" << std::flush;
  }
  ~Screen() {
    std::cout << "\x1b[?25h\x1b[?1049l" << std::flush;
    tcsetattr(STDIN_FILENO, TCSANOW, &before_);
  }
  Screen(const Screen&) = delete;
  Screen& operator=(const Screen&) = delete;

  static void show(const std::string& frame) {
    std::string text = "\x1b[H";
    for (const char c : frame) text += c == '\n' ? std::string("\x1b[K\r\n") : std::string(1, c);
    std::cout << text << "\x1b[K\x1b[J" << std::flush;
  }

  static std::vector<std::string> request() {
    winsize size{};
    ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
    return {"top", std::to_string(size.ws_col > 0 ? size.ws_col : 80),
            std::to_string(size.ws_row > 0 ? size.ws_row : 24)};
  }

 private:
  termios before_{};
};

int awaited_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGWINCH}) sigaddset(&signals, signal);
  sigprocmask(SIG_BLOCK, &signals, nullptr);
  return signalfd(-1, &signals, SFD_CLOEXEC);
}

enum class Next { end, resized };

Next show_frames(ControlClient& client, int signals) {
  std::string frame;
  while (true) {
    std::array<pollfd, 3> ready{pollfd{client.descriptor(), POLLIN, 0}, pollfd{STDIN_FILENO, POLLIN, 0},
                                pollfd{signals, POLLIN, 0}};
    poll(ready.data(), ready.size(), -1);
    if (ready[2].revents != 0) {
      signalfd_siginfo signal{};
      if (read(signals, &signal, sizeof signal) != sizeof signal || signal.ssi_signo != SIGWINCH) return Next::end;
      return Next::resized;
    }
    if (ready[1].revents != 0) {
      char key = 0;
      if (read(STDIN_FILENO, &key, 1) != 1 || key == 'q') return Next::end;
    }
    if (ready[0].revents == 0) continue;
    const std::string text = client.more();
    if (text.empty()) throw std::runtime_error("the gateway closed the connection");
    frame += text;
    for (std::size_t end; (end = frame.find(frame_end)) != frame.npos; frame.erase(0, end + 1)) {
      Screen::show(frame.substr(0, end));
    }
  }
}

}  // namespace

int top_command(const AskOptions& options) {
  const std::vector<std::string> sockets = control_sockets(options);
  ControlClient first(sockets, Screen::request());  // before the screen changes: most errors come here
  const int signals = awaited_signals();
  const Screen screen;
  if (show_frames(first, signals) == Next::end) return exit_fine;
  while (true) {
    ControlClient client(sockets, Screen::request());
    if (show_frames(client, signals) == Next::end) return exit_fine;
  }
}

}  // namespace edgetide
