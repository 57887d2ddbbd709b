#include "daemon/sources/stream_connection.h"

#include <algorithm>
#include <cerrno>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <utility>

#include "daemon/sources/stream_listener.h"

namespace edgetide {

namespace {

constexpr std::size_t max_unread_acks_bytes = 4096;
constexpr std::size_t max_waiting_acks = 1024;
constexpr std::chrono::seconds late_by{1};             // so late a deadline is seen only after a pause of ours
constexpr std::chrono::milliseconds retry_after{500};  // where the kernel has no memory to watch a descriptor

std::chrono::microseconds to_chrono(Duration duration) {
  return std::chrono::microseconds(duration.count());
}

}  // namespace

StreamConnection::StreamConnection(StreamListener& listener, EventLoop& loop, Descriptor descriptor, Peer peer)
    : listener_(listener),
      socket_(listener.socket()),
      intake_(listener.intake()),
      descriptor_(std::move(descriptor)),
      watched_(listener.peers(), socket_.id, descriptor_.get()),
      peer_(std::move(peer)),
      frames_(socket_.options.framing, socket_.options.max_line_bytes),
      heard_at_(std::chrono::steady_clock::now()),
      watch_(loop, descriptor_.get(), EPOLLIN, [this](std::uint32_t) { read(); }),
      timer_(loop, [this] { check_deadline(); }) {
  arm();
}

bool StreamConnection::is_at_rest() const noexcept {
  char next = 0;
  return waiting_acks_.empty() && acks_.empty() && !frames_.partial() &&
         recv(descriptor_.get(), &next, 1, MSG_PEEK | MSG_DONTWAIT) < 0;
}

void StreamConnection::set_reading(bool reading) {
  if (!reading || waiting_acks_.size() >= max_waiting_acks) {
    watch_.set_events(0);
    return timer_.cancel();
  }
  restart_deadlines(std::chrono::steady_clock::now());
  check_deadline();
}

void StreamConnection::restart_deadlines(EventLoop::Time now) noexcept {
  heard_at_ = now;
  if (message_began_at_) message_began_at_ = now;
}

void StreamConnection::read() {
  std::string& buffer = intake_.buffer();
  const ssize_t got = recv(descriptor_.get(), buffer.data(), buffer.size(), 0);
  if (got > 0) return take(std::string_view(buffer.data(), static_cast<std::size_t>(got)));
  if (got == 0) return end();
  if (errno != EAGAIN && errno != EINTR) listener_.drop(*this);
}

void StreamConnection::take(std::string_view bytes) {
  heard_at_ = std::chrono::steady_clock::now();
  const bool was_partial = frames_.partial();
  DecodedBatch& batch = intake_.begin_batch();
  Messages messages;
  bool ended = false;
  frames_.append(
      bytes,
      [&](std::string_view message) {
        ended = true;
        const std::size_t readings = batch.readings.size(), refusals = batch.refusals.size();
        // Kept: the batch refers to the message, and the buffer under them is reused.
        socket_.router.decode(peer_.name, batch.keep(message), batch);
        const bool refused = batch.readings.size() == readings && batch.refusals.size() > refusals;
        ++(refused ? messages.refused : messages.accepted);
      },
      [&] {
        ++messages.refused;
        batch.refuse_unseen(Refusal::too_large, peer_.name);
      });
  note_message_start(was_partial, ended);
  arm();
  if (batch.empty() && !messages.any()) return;
  intake_.offer(socket_, [this, messages](const Acceptance& acceptance) {
    acceptance.is_taken() ? note_taken(messages, acceptance.record) : listener_.drop(*this);
  });
}

void StreamConnection::note_message_start(bool was_partial, bool message_ended) {
  if (!frames_.partial()) {
    message_began_at_.reset();
  } else if (!was_partial || message_ended) {
    message_began_at_ = heard_at_;
  }
}

void StreamConnection::note_taken(Messages messages, std::uint64_t record) {
  taken_.accepted += messages.accepted;
  taken_.refused += messages.refused;
  if (!messages.any() || !socket_.options.ack) return;
  if (record == 0) {  // and so is all before it
    waiting_acks_.clear();
    return acknowledge(taken_);
  }
  waiting_acks_.push_back({record, taken_});
  if (waiting_acks_.size() == max_waiting_acks) set_reading(false);
}

void StreamConnection::durable(std::uint64_t through) {
  const bool was_full = waiting_acks_.size() >= max_waiting_acks;
  Messages messages;
  for (; !waiting_acks_.empty() && waiting_acks_.front().record <= through; waiting_acks_.pop_front()) {
    messages = waiting_acks_.front().messages;
  }
  if (!messages.any()) return;
  if (was_full && !intake_.is_holding()) set_reading(true);
  acknowledge(messages);
}

// Up to this message of the connection.
void StreamConnection::acknowledge(Messages messages) {
  acks_ += "ack " + std::to_string(messages.accepted + messages.refused);
  if (messages.refused > 0) acks_ += " refused " + std::to_string(messages.refused);
  acks_ += '\n';
  const ssize_t sent = send(descriptor_.get(), acks_.data(), acks_.size(), MSG_NOSIGNAL);
  if (sent > 0) acks_.erase(0, static_cast<std::size_t>(sent));
  // What is held back for this connection refers to it.
  if (acks_.size() > max_unread_acks_bytes && !intake_.is_holding()) listener_.drop(*this);
}

// The peer sends no more, or too late.
void StreamConnection::end() {
  if (!frames_.unreported()) return listener_.drop(*this);
  intake_.begin_batch().refuse_unseen(Refusal::bad_syntax, peer_.name);
  intake_.offer(socket_, [this](const Acceptance&) { listener_.drop(*this); });
}

EventLoop::Time StreamConnection::deadline() const {
  const EventLoop::Time silent_at = heard_at_ + to_chrono(socket_.options.idle_timeout);
  if (!message_began_at_) return silent_at;
  return std::min(silent_at, *message_began_at_ + to_chrono(socket_.options.line_timeout));
}

// A deadline that has moved back is found when the timer is called: so the timer is rarely set.
void StreamConnection::arm() {
  const EventLoop::Time at = deadline();
  if (!timer_.is_set() || at < timer_.time()) timer_.set(at);
}

void StreamConnection::check_deadline() {
  if (!watch_.set_events(EPOLLIN)) return timer_.set(std::chrono::steady_clock::now() + retry_after);
  const EventLoop::Time now = std::chrono::steady_clock::now();
  if (now >= deadline() + late_by) restart_deadlines(now);  // a pause of ours: what the peer has sent may still wait
  if (now < deadline()) return arm();
  end();
}

}  // namespace edgetide
