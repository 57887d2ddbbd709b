#include "daemon/sources/socket_source.h"

#include "daemon/sources/bound_socket.h"
#include "daemon/sources/socket_loop.h"

namespace edgetide {

namespace {

class SocketSource final : public Source {
 public:
  SocketSource(const SocketInput& input, SocketLoop& loop) : loop_(loop), socket_(input) {}
  ~SocketSource() override { stop(); }

  void start() override {
    socket_.bind();
    for (const StoredPosition& known : loop_.host().positions(socket_.id)) {
      socket_.router.restore_state(known.partition, known.bytes);
    }
    loop_.add(socket_);
    started_ = true;
    loop_.host().connected(socket_.id, socket_.options.listen);
  }

  void stop() noexcept override {
    if (!started_) {
      socket_.descriptor = Descriptor();  // of a start that failed half-way; what is at a Unix path is not ours
      return;
    }
    started_ = false;
    loop_.remove(socket_);
    loop_.host().disconnected(socket_.id, {});
  }

 private:
  SocketLoop& loop_;
  BoundSocket socket_;
  bool started_ = false;
};

}  // namespace

std::unique_ptr<Source> make_socket_source(const SocketInput& input, SocketLoop& loop) {
  return std::make_unique<SocketSource>(input, loop);
}

}  // namespace edgetide
