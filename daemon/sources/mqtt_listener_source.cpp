#include "daemon/sources/mqtt_listener_source.h"

#include <optional>
#include <stdexcept>
#include <sys/epoll.h>
#include <utility>

#include "daemon/decoders/route.h"
#include "daemon/service/event_loop.h"
#include "daemon/sources/events_on_loop.h"
#include "daemon/sources/mqtt_listener.h"

namespace edgetide {

namespace {

// All messages that may be on their way when we stop, so that none of them counts twice.
constexpr std::uint32_t remembered_messages = 65'535;

class MqttListenerSource final : public Source, public EventsOnLoop {
 public:
  MqttListenerSource(MqttListenerOptions options, SourceId id, SourceHost& host, EventLoop& loop)
      : EventsOnLoop(host, loop), options_(std::move(options)), id_(id) {
    const Router finds_errors_of_the_configuration(options_.routes);
  }
  ~MqttListenerSource() override { stop(); }

  void start() override {
    const std::string session = "mqtt_listener " + options_.name;
    if (!host().begin_session(id_, {.name = session, .in_flight = remembered_messages, .notes = {}})) {
      throw std::runtime_error("the journal cannot note the session now");
    }
    listener_.emplace(options_, id_, host(), watched_, [this](const DecodedBatch& batch) { return offer(id_, batch); });
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
    });
    use_.reset();
    if (std::exchange(started_, false)) host().disconnected(id_, {});
  }

  std::optional<Liveness> liveness(SourceId source) noexcept override { return watched_.liveness(source); }

 private:
  void offer_again() override {
    if (!listener_) return;
    listener_->offer_again();
    wait();
  }
  void acknowledge(std::uint64_t through) override {
    if (!listener_) return;
    listener_->durable(through);
    wait();
  }
  void serve() {
    listener_->serve();
    wait();
  }

  void wait() {
    if (!watch_ || !timer_) return;
    watch_->set_events(listener_->is_paused() ? 0U : std::uint32_t{EPOLLIN});
    const std::optional<EventLoop::Time> due = listener_->due();
    if (!due) return timer_->cancel();
    if (!timer_->is_set() || timer_->time() != *due) timer_->set(*due);
  }

  const MqttListenerOptions options_;
  const SourceId id_;
  bool started_ = false;
  WatchedPeers watched_;
  std::optional<EventLoop::Use> use_;
  // The loop's thread only, while it runs.
  std::optional<MqttListener> listener_;
  std::optional<EventLoop::Watch> watch_;
  std::optional<EventLoop::Timer> timer_;
};

}  // namespace

std::unique_ptr<Source> make_mqtt_listener_source(MqttListenerOptions options, SourceId id, SourceHost& host,
                                                  EventLoop& loop) {
  return std::make_unique<MqttListenerSource>(std::move(options), id, host, loop);
}

}  // namespace edgetide
