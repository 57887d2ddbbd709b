// The sessions that sources have at their peers (the session of an MQTT client id at a broker): which messages of each
// were taken last, and what the source noted about it, such as the filters that it has subscribed to.
//
// A source is in one session at a time. One that says nothing of sessions has one with its name. No session takes
// memory of another.
//
// Owns:   the notes and the messages. Thread: one owner at a time (the intake lock). Fails: never; `load` leaves the
//         reader not `ok`.
// Limit:  max_sessions besides those that sources are in; beyond, the one that was left first is forgotten. Its filters
//         stay at the peer.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "daemon/intake/copy_watch.h"
#include "daemon/intake/recent_messages.h"
#include "pipeline/bytes.h"

namespace edgetide {

class SourceSessions {
 public:
  static constexpr std::size_t max_sessions = 256;

  // The source goes on in this session. `is_new`: the peer knew of none, so nothing is sent again.
  void begin(std::string_view source, std::string_view name, bool is_new, std::size_t in_flight,
             std::string_view notes) {
    name_unnamed(source, name);
    Session& session = enter(source, name);
    session.notes = notes;
    session.recent.keep_most(in_flight);
    if (is_new) session.recent.clear();
    forget_oldest();
  }

  // Would `begin` change nothing?
  bool is_in(std::string_view source, std::string_view name, bool is_new, std::size_t in_flight,
             std::string_view notes) const {
    const auto current = current_.find(source);
    if (current == current_.end() || current->second != name) return false;
    const Session& session = sessions_.find(name)->second;
    return session.notes == notes && session.recent.keeps(in_flight) && !(is_new && session.recent.size() > 0);
  }

  std::optional<std::string> notes(std::string_view name) const {
    const auto session = sessions_.find(name);
    return session == sessions_.end() ? std::nullopt : std::optional(session->second.notes);
  }

  struct Session {
    std::string notes;
    std::uint64_t entered = 0;  // the higher, the later
    RecentMessages recent;
    CopyWatch copies;  // saved is what it knows of the broker
  };
  // That the source is in. Allocates nothing once there is one.
  Session& of(std::string_view source) {
    const auto current = current_.find(source);
    return current == current_.end() ? enter(source, source) : sessions_.find(current->second)->second;
  }
  // The messages of the session that the source is in.
  std::vector<std::uint64_t> recent_of(std::string_view source) const {
    const auto current = current_.find(source);
    return current == current_.end() ? std::vector<std::uint64_t>()
                                     : sessions_.find(current->second)->second.recent.all();
  }
  // A new connection in that session.
  void resume(std::string_view name) {
    const auto session = sessions_.find(name);
    if (session != sessions_.end()) session->second.copies.resume(session->second.recent);
  }

  // Other sources are in no session any more. Their notes stay: the peers keep those sessions too.
  void keep(const std::vector<std::string>& sources) {
    std::erase_if(current_, [&](const auto& one) {
      if (std::find(sources.begin(), sources.end(), one.first) != sources.end()) return false;
      sessions_[one.second].recent = {};
      return true;
    });
  }

  void save(ByteWriter& out) const {
    out.u32(static_cast<std::uint32_t>(sessions_.size()));
    for (const auto& [name, session] : sessions_) {
      out.text(name);
      out.text(session.notes);
      out.u64(session.entered);
      session.recent.save(out);
      out.u8(session.copies.sends_one() ? 1 : 0);
    }
    out.u32(static_cast<std::uint32_t>(current_.size()));
    for (const auto& [source, name] : current_) {
      out.text(source);
      out.text(name);
    }
  }
  void load(ByteReader& in) {
    *this = {};
    const std::uint32_t sessions = in.u32();
    for (std::uint32_t i = 0; in.ok() && i < sessions; ++i) {
      Session& session = sessions_[std::string(in.text())];
      session.notes = in.text();
      session.entered = in.u64();
      session.recent.load(in);
      session.copies.know(in.u8() != 0);
      entries_ = std::max(entries_, session.entered);
    }
    const std::uint32_t sources = in.u32();
    for (std::uint32_t i = 0; in.ok() && i < sources; ++i) {
      std::string& name = current_[std::string(in.text())];
      name = in.text();
      in.require(sessions_.contains(name));
    }
  }

 private:
  Session& enter(std::string_view source, std::string_view name) {
    current_.insert_or_assign(std::string(source), std::string(name));
    Session& session = sessions_[std::string(name)];
    session.entered = ++entries_;
    return session;
  }

  // A source that names its session and is in one with the name of the source: the record of the former is lost. What
  // was taken since was taken in it.
  void name_unnamed(std::string_view source, std::string_view name) {
    const auto current = current_.find(source);
    if (current == current_.end() || current->second != source || sessions_.contains(name)) return;
    auto unnamed = sessions_.extract(sessions_.find(source));
    unnamed.key() = name;
    sessions_.insert(std::move(unnamed));
  }

  bool is_current(const std::string& name) const {
    return std::any_of(current_.begin(), current_.end(), [&](const auto& one) { return one.second == name; });
  }

  void forget_oldest() {
    if (sessions_.size() <= max_sessions + current_.size()) return;
    auto oldest = sessions_.end();
    for (auto one = sessions_.begin(); one != sessions_.end(); ++one) {
      if (is_current(one->first)) continue;
      if (oldest == sessions_.end() || one->second.entered < oldest->second.entered) oldest = one;
    }
    if (oldest != sessions_.end()) sessions_.erase(oldest);
  }

  std::map<std::string, Session, std::less<>> sessions_;     // by name
  std::map<std::string, std::string, std::less<>> current_;  // the name of each source's
  std::uint64_t entries_ = 0;
};

}  // namespace edgetide
