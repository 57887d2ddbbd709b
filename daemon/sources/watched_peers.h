// Which peers of a socket are there, as their kernels show: a peer that has nothing to say still acknowledges what the
// kernel asks every `ask_every`. Behind a network that stalls nothing comes, however much the peer has sent.
//
// A relay on the way (a proxy, an SSH tunnel) acknowledges by itself: that the path behind it stalls is not seen.
//
// Thread: any. Owns: nothing; a peer is watched no longer than its descriptor is open. Fails: never.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <vector>

#include "daemon/service/mutex.h"
#include "daemon/sources/source.h"

namespace edgetide {

class WatchedPeers {
 public:
  static constexpr std::chrono::seconds ask_every{5};
  // Fewer than this since an acknowledgement was due, and it may be on its way.
  static constexpr std::chrono::seconds answer_within{1};

  // One connection, from here to its end. Other sockets than TCP show nothing.
  class Peer {
   public:
    Peer(WatchedPeers& peers, SourceId source, int descriptor);
    ~Peer();
    Peer(const Peer&) = delete;
    Peer& operator=(const Peer&) = delete;

   private:
    WatchedPeers& peers_;
    const SourceId source_;
    const int descriptor_;
  };

  // Nothing where no peer is watched.
  std::optional<Liveness> liveness(SourceId source) noexcept;

 private:
  Mutex mutex_;
  std::map<SourceId, std::vector<int>> descriptors_ GUARDED_BY(mutex_);
};

}  // namespace edgetide
