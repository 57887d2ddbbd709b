#include "daemon/sources/socket_source.h"

#include "daemon/sources/socket_listener.h"
#include "daemon/sources/socket_loop.h"

namespace edgetide {

namespace {

class SocketSource final : public Source {
 public:
  SocketSource(const SocketInput& input, SocketLoop& loop) : loop_(loop), listener_(input) {}
  ~SocketSource() override { stop(); }

  void start() override {
    listener_.bind();
    loop_.add(listener_);
    started_ = true;
    loop_.host().connected(listener_.id, listener_.options.listen);
  }

  void stop() noexcept override {
    if (!started_) return;
    started_ = false;
    loop_.remove(listener_);
    loop_.host().disconnected(listener_.id, "stopped");
  }

 private:
  SocketLoop& loop_;
  Listener listener_;
  bool started_ = false;
};

}  // namespace

std::unique_ptr<Source> make_socket_source(const SocketInput& input, SocketLoop& loop) {
  return std::make_unique<SocketSource>(input, loop);
}

}  // namespace edgetide
