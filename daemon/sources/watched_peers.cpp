#include "daemon/sources/watched_peers.h"

#include <algorithm>

#include "daemon/service/tcp_state.h"

namespace edgetide {

namespace {

constexpr int probes = 120;  // ten minutes: a peer that sends no byte is closed before (SocketOptions::idle_timeout)
constexpr Duration overdue = Duration::seconds((WatchedPeers::ask_every + WatchedPeers::answer_within).count());

Liveness liveness_of(const TcpState& peer) {
  const Duration unheard = std::min(peer.silent_for, peer.unanswered_for);
  return {.silent_for = peer.silent_for,
          .waiting = peer.unread_bytes > 0,
          .absent_for = unheard < overdue ? Duration() : unheard};
}

}  // namespace

WatchedPeers::Peer::Peer(WatchedPeers& peers, SourceId source, int descriptor)
    : peers_(peers), source_(source), descriptor_(descriptor) {
  if (!tcp_state(descriptor)) return;
  ask_for_life(descriptor, ask_every, probes);
  const MutexLock lock(peers_.mutex_);
  peers_.descriptors_[source].push_back(descriptor);
}

WatchedPeers::Peer::~Peer() {
  const MutexLock lock(peers_.mutex_);
  const auto of_source = peers_.descriptors_.find(source_);
  if (of_source == peers_.descriptors_.end()) return;
  std::erase(of_source->second, descriptor_);
  if (of_source->second.empty()) peers_.descriptors_.erase(of_source);
}

std::optional<Liveness> WatchedPeers::liveness(SourceId source) noexcept {
  const MutexLock lock(mutex_);
  const auto of_source = descriptors_.find(source);
  if (of_source == descriptors_.end()) return std::nullopt;
  std::optional<Liveness> all;
  for (const int descriptor : of_source->second) {
    const std::optional<TcpState> state = tcp_state(descriptor);
    if (!state) continue;
    const Liveness one = liveness_of(*state);
    if (!all) {
      all = one;
      continue;
    }
    all->silent_for = std::min(all->silent_for, one.silent_for);
    all->waiting = all->waiting || one.waiting;
    all->absent_for = std::max(all->absent_for, one.absent_for);
  }
  return all;
}

}  // namespace edgetide
