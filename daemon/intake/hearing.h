// What is heard of each source, and which of their time silence is not judged in, as of the last tick.
//
// Units:  running time. Thread: one owner at a time (the intake lock). Fails: never.
#pragma once

#include <map>
#include <span>
#include <vector>

#include "daemon/intake/source_hearing.h"
#include "daemon/intake/source_slots.h"
#include "pipeline/pipeline.h"

namespace edgetide {

class Hearing {
 public:
  // `now`: a pause from here on is seen.
  Hearing(std::size_t ids, Duration now, bool listens)
      : sources_(ids), connected_(ids), listens_(listens), ticked_at_(now) {}

  // The sources have other places, and there may be more.
  void move_to(std::size_t ids) {
    sources_.resize(ids);
    connected_.resize(ids);
    unheard_.clear();
  }

  // What a source says of its connection, also while nothing is listened to.
  void note_connection(SourceId id, bool connected) { connected_[index_of(id)] = connected; }
  bool is_connected(SourceId id) const { return connected_[index_of(id)]; }
  // While intake is held back the sources are deaf, whatever their connections say. Empty: it was so already; else the
  // connected ones, which begin or end to listen.
  std::vector<SourceId> listen(bool listens);
  bool listens() const noexcept { return listens_; }

  void start(SourceId id, Duration now, Duration idle_timeout) noexcept {
    sources_[index_of(id)].start(now, idle_timeout);
  }
  void hear_batch(SourceId id, Duration now) noexcept { sources_[index_of(id)].hear_batch(now); }
  Duration unheard(SourceId id, Duration now) const noexcept { return sources_[index_of(id)].unheard(now); }

  // A tick, expected `every` after the one before. Much later: the process was stopped or had no processor, or the
  // clock was; what came meanwhile still waits to be read.
  void tick(Duration now, Duration every) noexcept;
  // What the sources show that listen, as of now or of a little before.
  void look(Duration now, const SourceSlots& slots, const Pipeline& pipeline,
            const std::map<SourceId, Liveness>& liveness);
  // By slot, as of `look`; none: nothing is.
  std::span<const Duration> unheard() const noexcept { return unheard_; }

 private:
  std::vector<SourceHearing> sources_;  // by id; of those that listen
  std::vector<bool> connected_;         // by id
  bool listens_;
  std::vector<Duration> unheard_;
  Duration ticked_at_;
};

}  // namespace edgetide
