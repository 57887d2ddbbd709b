#include "daemon/sources/http_source.h"

#include <chrono>
#include <optional>
#include <sys/epoll.h>
#include <utility>

#include "daemon/service/event_loop.h"
#include "daemon/service/http_listener.h"
#include "daemon/sources/events_on_loop.h"
#include "daemon/sources/http_intake.h"

namespace edgetide {

namespace {

constexpr std::size_t max_http_head_bytes = 16 * 1024;

HttpLimits limits_of(const HttpSourceOptions& options) {
  return {.max_connections = options.max_connections,
          .max_connections_per_peer = options.max_connections_per_peer,
          .max_head_bytes = max_http_head_bytes,
          .max_body_bytes = options.max_body_bytes,
          .request_time = std::chrono::milliseconds(options.request_timeout.count() / 1000),
          .keeps_alive = true,
          .oldest_makes_room = false,
          .leaves_reserve = true};
}

class HttpSource final : public Source, public EventsOnLoop {
 public:
  HttpSource(HttpSourceOptions options, SourceId id, SourceHost& host, EventLoop& loop)
      : EventsOnLoop(host, loop), options_(std::move(options)), id_(id) {
    static_cast<void>(make_intake());  // finds errors of the configuration
  }
  ~HttpSource() override { stop(); }

  void start() override {
    intake_ = make_intake();
    intake_->restore(host().positions(id_));
    listener_.emplace(HttpAddress{options_.name, options_.listen, options_.cert_file, options_.key_file},
                      limits_of(options_), *intake_);
    intake_->answer_through(*listener_);
    use_.emplace(loop());
    loop().call([this] {
      timer_.emplace(loop(), [this] { serve(); });
      watch_.emplace(loop(), listener_->descriptor(), EPOLLIN, [this](std::uint32_t) { serve(); });
    });
    host().attach(id_, *this);
    started_ = true;
    host().connected(id_, options_.listen);
  }

  void stop() noexcept override {
    if (started_) host().detach(id_);
    loop().call([this] {
      watch_.reset();
      timer_.reset();
      listener_.reset();
      intake_.reset();
    });
    use_.reset();
    if (std::exchange(started_, false)) host().disconnected(id_, {});
  }

 private:
  std::unique_ptr<HttpIntake> make_intake() {
    return std::make_unique<HttpIntake>(options_, id_, host(),
                                        [this](const DecodedBatch& batch) { return offer(id_, batch); });
  }

  void offer_again() override {
    if (!intake_) return;
    intake_->offer_again();
    serve();
  }
  void acknowledge(std::uint64_t through) override {
    if (!intake_) return;
    intake_->durable(through);
    serve();
  }

  void serve() {
    listener_->serve();
    const auto now = std::chrono::steady_clock::now();
    intake_->check_deadlines(now);
    timer_->cancel();
    if (const auto due = listener_->due_in()) timer_->set(now + std::chrono::microseconds(due->count()));
    const auto deadline = intake_->deadline();
    if (deadline && (!timer_->is_set() || *deadline < timer_->time())) timer_->set(*deadline);
  }

  const HttpSourceOptions options_;
  const SourceId id_;
  bool started_ = false;
  std::optional<EventLoop::Use> use_;
  // The loop's thread only, while it runs.
  std::unique_ptr<HttpIntake> intake_;
  std::optional<HttpListener> listener_;
  std::optional<EventLoop::Watch> watch_;
  std::optional<EventLoop::Timer> timer_;
};

}  // namespace

std::unique_ptr<Source> make_http_source(HttpSourceOptions options, SourceId id, SourceHost& host, EventLoop& loop) {
  return std::make_unique<HttpSource>(std::move(options), id, host, loop);
}

}  // namespace edgetide
