#include <array>

#include "tests/tools/connection.h"
#include "tests/tools/outlet.h"

namespace edgetide::simulation {
namespace {

class LineOutlet final : public Outlet {
 public:
  LineOutlet(Connection connection, bool stream) : connection_(std::move(connection)), stream_(stream) {}

  void send(std::string_view, std::string_view payload) override {
    connection_.write(std::string(payload) + '\n');
    ++sent_;
  }

  void finish() override {
    if (!stream_) return;
    connection_.end_of_writing();
    std::array<char, 4096> acknowledgements{};
    while (connection_.read(acknowledgements) > 0) {
    }
  }

  std::size_t taken() const noexcept override { return sent_; }

 private:
  Connection connection_;
  bool stream_;
  std::size_t sent_ = 0;
};

}  // namespace

std::unique_ptr<Outlet> make_tcp_outlet(const std::string& host, const std::string& port) {
  return std::make_unique<LineOutlet>(Connection::tcp(host, port), true);
}

std::unique_ptr<Outlet> make_udp_outlet(const std::string& host, const std::string& port) {
  return std::make_unique<LineOutlet>(Connection::udp(host, port), false);
}

std::unique_ptr<Outlet> make_unix_outlet(const std::string& path) {
  return std::make_unique<LineOutlet>(Connection::unix_stream(path), true);
}

}  // namespace edgetide::simulation
