#include "daemon/sources/mqtt_listener.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <random>
#include <stdexcept>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <utility>

#include "daemon/service/descriptor_reserve.h"
#include "daemon/sources/turned_away_text.h"

namespace edgetide {

namespace {

constexpr int max_ready_peers = 256;
constexpr unsigned max_accepted_in_a_turn = 32;
constexpr std::chrono::milliseconds check_no_oftener{10};

std::vector<Cidr> ranges_of(const std::vector<std::string>& texts) {
  std::vector<Cidr> ranges;
  for (const std::string& text : texts) {
    const std::optional<Cidr> range = Cidr::parse(text);
    if (!range) throw std::invalid_argument("allow: '" + text + "' is not an address range; write 10.20.0.0/16");
    ranges.push_back(*range);
  }
  return ranges;
}

std::chrono::seconds seconds_of(Duration duration) {
  return std::chrono::seconds((duration.count() + 999'999) / 1'000'000);
}

[[noreturn]] void fail_to_bind(const MqttListenerOptions& options) {
  throw std::runtime_error("cannot listen on " + options.listen + ": " + std::strerror(errno));
}

bool control_epoll(int epoll, int operation, int descriptor, std::uint32_t events, void* what) noexcept {
  epoll_event event{};
  event.events = events;
  event.data.ptr = what;
  return epoll_ctl(epoll, operation, descriptor, &event) == 0;
}

}  // namespace

MqttListener::MqttListener(const MqttListenerOptions& options, SourceId id, SourceHost& host, WatchedPeers& watched,
                           Offer offer)
    : options_(options),
      id_(id),
      host_(host),
      watched_(watched),
      offer_(std::move(offer)),
      limits_{.max_packet_bytes = options.max_packet_bytes,
              .max_topic_bytes = options.max_topic_bytes,
              .connect_time = seconds_of(options.connect_timeout),
              .idle_time = seconds_of(options.idle_timeout)},
      address_(parse_inet(options.listen)),
      allow_(ranges_of(options.allow)),
      epoll_(epoll_create1(EPOLL_CLOEXEC)),
      turn_(options.routes) {
  if (!options_.cert_file.empty())
    tls_.emplace(TlsServerFiles{options_.cert_file, options_.key_file, options_.client_ca_file});
  if (!options_.password_file.empty()) passwords_.emplace(options_.password_file);
  restore();
  listen();
}

MqttListener::~MqttListener() = default;

void MqttListener::restore() {
  const Time now = std::chrono::steady_clock::now();
  for (const StoredPosition& known : host_.positions(id_)) {
    turn_.router().restore_state(known.partition, known.bytes);
    sessions_.restore(known.partition, known.bytes, now);
  }
  taken_before_ = host_.recent_messages(id_);
  std::sort(taken_before_.begin(), taken_before_.end());
}

void MqttListener::listen() {
  listener_ = Descriptor(socket(address_.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!listener_.is_open() || !epoll_.is_open()) fail_to_bind(options_);
  constexpr int on = 1;
  setsockopt(listener_.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(listener_.get(), address_.get(), address_.length) != 0 || ::listen(listener_.get(), SOMAXCONN) != 0) {
    fail_to_bind(options_);
  }
  if (!control_epoll(epoll_.get(), EPOLL_CTL_ADD, listener_.get(), EPOLLIN, nullptr)) fail_to_bind(options_);
}

// ---- connections

void MqttListener::accept_peers(Time now) {
  for (unsigned i = 0; i < max_accepted_in_a_turn; ++i) {
    sockaddr_storage peer{};
    socklen_t length = sizeof peer;
    Descriptor descriptor(accept4(listener_.get(), reinterpret_cast<sockaddr*>(&peer), &length,  //
                                  SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!descriptor.is_open()) return begin_rest(errno, now);
    std::string identity = is_loopback(peer) ? "loopback" : host_text(peer);
    if (has_room_for(peer, identity, descriptor.get())) {
      let_in(std::move(descriptor), {to_text(peer), std::move(identity)}, now);
    }
  }
}

// Out of descriptors or memory, the peers it has are served, and new ones wait in the kernel's queue.
void MqttListener::begin_rest(int error, Time now) {
  if (error == EAGAIN || error == EINTR || error == ECONNABORTED || error == EPERM) return;
  control_epoll(epoll_.get(), EPOLL_CTL_MOD, listener_.get(), 0, nullptr);
  rests_until_ = now + rest_time;
  if (rest_notice_.due(now)) host_.notice(id_, std::string("new connections have to wait: ") + std::strerror(error));
}

void MqttListener::end_rest(Time now) noexcept {
  if (!rests_until_ || now < *rests_until_) return;
  rests_until_.reset();
  control_epoll(epoll_.get(), EPOLL_CTL_MOD, listener_.get(), EPOLLIN, nullptr);
}

bool MqttListener::has_room_for(const sockaddr_storage& peer, const std::string& identity, int descriptor) {
  const bool is_allowed =
      is_loopback(peer) || allow_.empty() ||
      std::any_of(allow_.begin(), allow_.end(), [&](const Cidr& one) { return one.contains(peer); });
  if (!is_allowed) {
    turn_.refuse(Refusal::unauthorised, to_text(peer));
    return false;
  }
  if (is_reserved_descriptor(descriptor)) return turn_away(TurnedAway::descriptors);
  if (peers_.size() >= options_.max_connections) return turn_away(TurnedAway::max_connections);
  const auto of_peer = of_identity_.find(identity);
  if (of_peer != of_identity_.end() && of_peer->second >= options_.max_connections_per_peer) {
    return turn_away(TurnedAway::max_connections_per_peer);
  }
  return true;
}

void MqttListener::let_in(Descriptor descriptor, DevicePeer::Address address, Time now) {
  constexpr int on = 1;
  setsockopt(descriptor.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  peers_.push_back(std::make_unique<DevicePeer>(*this, std::move(descriptor), std::move(address), now));
  DevicePeer& peer = *peers_.back();
  ++of_identity_[peer.identity()];
  touch(peer);
  next_check_ = std::min(next_check_, peer.deadline());
}

bool MqttListener::turn_away(TurnedAway why) {
  host_.turned_away(id_, why);
  ++turned_away_[static_cast<std::size_t>(why)];
  if (turned_away_notice_.due(std::chrono::steady_clock::now())) {
    host_.notice(id_, turned_away_text(turned_away_));
    turned_away_ = {};
  }
  return false;
}

void MqttListener::say_rarely(std::string_view text) {
  if (client_notice_.due(std::chrono::steady_clock::now())) host_.notice(id_, text);
}

bool MqttListener::was_taken_before(std::uint64_t fingerprint) const noexcept {
  return std::binary_search(taken_before_.begin(), taken_before_.end(), fingerprint);
}

// Not to be guessed: with another's id a client would take over its connection.
std::string MqttListener::new_client_id() {
  constexpr std::string_view digits = "0123456789abcdef";
  std::random_device random;
  std::string id = "edgetide-";
  for (int word = 0; word < 4; ++word) {
    unsigned bits = random();
    for (int digit = 0; digit < 8; ++digit, bits >>= 4U) id += digits[bits & 0xFU];
  }
  return id;
}

bool MqttListener::reserve(std::size_t bytes) noexcept {
  if (large_bytes_ > 0 && large_bytes_ + bytes > max_large_bytes) return false;
  large_bytes_ += bytes;
  return true;
}

void MqttListener::give_back(std::size_t bytes) noexcept {
  large_bytes_ -= bytes;
  is_given_back_ = is_given_back_ || bytes > 0;
}

// ---- turns

std::optional<MqttListener::Time> MqttListener::due() const noexcept {
  if (is_paused()) return std::nullopt;
  if (!pending_.empty() || is_given_back_) return Time::min();
  Time at = next_check_;
  if (rests_until_) at = std::min(at, *rests_until_);
  return at == Time::max() ? std::nullopt : std::optional(at);
}

void MqttListener::serve() {
  if (is_paused()) return;
  const Time now = std::chrono::steady_clock::now();
  end_rest(now);
  turn_.begin();
  touched_.clear();
  use_given_back(now);
  if (now >= next_check_) check_peers(now);
  read_ready(now);
  sessions_.note_changes(turn_.batch());
  end_turn();
}

void MqttListener::read_ready(Time now) {
  std::vector<DevicePeer*> pending;
  pending.swap(pending_);
  for (DevicePeer* const peer : pending) read(*peer, now);
  std::array<epoll_event, max_ready_peers> events{};
  const int ready = epoll_wait(epoll_.get(), events.data(), max_ready_peers, 0);
  bool has_new_peers = false;
  for (int i = 0; i < ready; ++i) {
    const epoll_event& event = events[static_cast<std::size_t>(i)];
    auto* const peer = static_cast<DevicePeer*>(event.data.ptr);
    if (peer == nullptr) {
      has_new_peers = true;
    } else {
      if ((event.events & EPOLLOUT) != 0) touch(*peer);
      if ((event.events & ~std::uint32_t{EPOLLOUT}) != 0 || peer->waits_for_tls()) read(*peer, now);
    }
  }
  if (has_new_peers) accept_peers(now);
}

void MqttListener::read(DevicePeer& peer, Time now) {
  touch(peer);
  if (turn_.has_room()) peer.read(now);
  const bool is_listed = std::find(pending_.begin(), pending_.end(), &peer) != pending_.end();
  if (peer.has_pending() && !is_listed) pending_.push_back(&peer);
}

void MqttListener::touch(DevicePeer& peer) {
  if (!std::exchange(peer.is_touched, true)) touched_.push_back(&peer);
}

void MqttListener::check_peers(Time now) {
  next_check_ = Time::max();
  for (const auto& peer : peers_) {
    if (now >= peer->deadline()) {
      peer->check(now);
      touch(*peer);
    }
    next_check_ = std::min(next_check_, std::max<Time>(peer->deadline(), now + check_no_oftener));
  }
}

void MqttListener::use_given_back(Time now) {
  if (!std::exchange(is_given_back_, false)) return;
  for (const auto& peer : peers_) {
    if (peer->waits_for_memory() && peer->begin_large(now)) touch(*peer);
  }
}

void MqttListener::end_turn() {
  DecodedBatch& batch = turn_.batch();
  if (!batch.empty()) return settle(offer_(batch));
  if (batch.message_count > 0) host_.nothing_decoded(id_, batch);
  settle({Acceptance::Answer::taken, groups_.empty() ? 0 : groups_.back().record});
}

void MqttListener::settle(const Acceptance& acceptance) {
  is_held_ = acceptance.answer == Acceptance::Answer::held;
  if (is_held_) return;
  if (!acceptance.is_taken()) {
    close_touched();
  } else {
    if (!turn_.batch().states.empty()) sessions_.changes_are_taken();
    std::vector<Waiting> waiting;
    for (DevicePeer* const peer : touched_) {
      const DevicePeer::NewAnswers answers = peer->take_new_answers();
      if (answers.bytes > 0) waiting.push_back({peer, answers});
    }
    if (acceptance.record == 0) {
      release_through(~std::uint64_t{0});
      release(waiting);
    } else if (!waiting.empty()) {
      for (const Waiting& one : waiting) waiting_bytes_ += one.answers.bytes;
      groups_.push_back({acceptance.record, std::move(waiting)});
    }
  }
  turn_.forget_noted();
  finish_touched();
}

// What was not taken is neither answered nor known.
void MqttListener::close_touched() {
  turn_.take_back();
  for (DevicePeer* const peer : touched_) {
    if (peer->take_new_answers().bytes > 0) peer->drop();
  }
}

void MqttListener::release(std::vector<Waiting>& waiting) noexcept {
  for (Waiting& one : waiting) {
    if (one.peer == nullptr) continue;
    one.peer->release(one.answers);
    one.peer->flush();
  }
}

void MqttListener::release_through(std::uint64_t record) noexcept {
  for (; !groups_.empty() && groups_.front().record <= record; groups_.pop_front()) {
    for (const Waiting& one : groups_.front().waiting) {
      waiting_bytes_ -= one.answers.bytes;
      if (one.peer != nullptr) touch(*one.peer);
    }
    release(groups_.front().waiting);
  }
}

// Their sockets are watched for what they wait for now, and those that are done are closed.
void MqttListener::finish_touched() {
  bool has_done = false;
  for (DevicePeer* const peer : touched_) {
    peer->is_touched = false;
    peer->flush();
    watch(*peer);
    has_done = has_done || peer->is_done();
    next_check_ = std::min(next_check_, peer->deadline());
  }
  touched_.clear();
  if (has_done) remove_done();
}

void MqttListener::watch(DevicePeer& peer) noexcept {
  const std::uint32_t wanted = peer.wanted_events();
  if (wanted == peer.watched_events) return;
  const int operation = peer.watched_events == 0 ? EPOLL_CTL_ADD : wanted == 0 ? EPOLL_CTL_DEL : EPOLL_CTL_MOD;
  if (!control_epoll(epoll_.get(), operation, peer.descriptor(), wanted, &peer)) return peer.drop();
  peer.watched_events = wanted;
}

void MqttListener::remove_done() {
  for (const auto& peer : peers_) {
    if (!peer->is_done()) continue;
    for (Group& group : groups_) {
      for (Waiting& one : group.waiting) {
        if (one.peer == peer.get()) one.peer = nullptr;
      }
    }
    std::erase(pending_, peer.get());
    const auto of_peer = of_identity_.find(peer->identity());
    if (--of_peer->second == 0) of_identity_.erase(of_peer);
  }
  std::erase_if(peers_, [](const auto& peer) { return peer->is_done(); });
}

void MqttListener::offer_again() {
  if (is_held_) end_turn();
}

void MqttListener::durable(std::uint64_t through) {
  release_through(through);
  if (!is_held_) finish_touched();
}

}  // namespace edgetide
