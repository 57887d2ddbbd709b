#include "daemon/sources/topic_filter.h"

#include <algorithm>
#include <iterator>

#include "daemon/decoders/topic_level.h"

namespace edgetide {

namespace {

constexpr std::string_view share_prefix = "$share/";

// The levels of a filter, one after the other. Behind the last one `ended` is true.
class Levels {
 public:
  explicit Levels(std::string_view filter) noexcept : rest_(filter) { next(); }

  bool ended() const noexcept { return ended_; }
  bool is_rest() const noexcept { return !ended_ && level_ == "#"; }
  bool is_any() const noexcept { return !ended_ && level_ == "+"; }
  bool is_server_topic() const noexcept { return level_.starts_with('$'); }
  std::string_view text() const noexcept { return level_; }

  void next() noexcept {
    ended_ = !more_;
    if (more_) level_ = take_level(rest_, more_);
  }

 private:
  std::string_view rest_, level_;
  bool more_ = true, ended_ = false;
};

// A wildcard at the front matches no topic that begins with '$'.
bool only_one_takes_server_topics(const Levels& a, const Levels& b) noexcept {
  const auto wild = [](const Levels& one) { return one.is_any() || one.is_rest(); };
  return (wild(a) && b.is_server_topic()) || (wild(b) && a.is_server_topic());
}

}  // namespace

std::string shared_filter(std::string_view group, std::string_view filter) {
  if (group.empty()) return std::string(filter);
  return std::string(share_prefix).append(group).append("/").append(filter);
}

std::string_view plain_filter(std::string_view subscription) noexcept {
  if (!subscription.starts_with(share_prefix)) return subscription;
  const std::size_t end = subscription.find('/', share_prefix.size());
  return end == subscription.npos ? subscription : subscription.substr(end + 1);
}

bool covers(std::string_view wide, std::string_view narrow) noexcept {
  Levels w(wide), n(narrow);
  if (only_one_takes_server_topics(w, n)) return false;
  for (;; w.next(), n.next()) {
    if (w.is_rest()) return true;  // "a/#" matches "a" too
    if (w.ended() || n.ended()) return w.ended() && n.ended();
    if (n.is_rest()) return false;
    if (!w.is_any() && (n.is_any() || w.text() != n.text())) return false;
  }
}

bool overlap(std::string_view a, std::string_view b) noexcept {
  Levels x(a), y(b);
  if (only_one_takes_server_topics(x, y)) return false;
  for (;; x.next(), y.next()) {
    if (x.is_rest() || y.is_rest()) return true;
    if (x.ended() || y.ended()) return x.ended() && y.ended();
    if (!x.is_any() && !y.is_any() && x.text() != y.text()) return false;
  }
}

std::vector<std::string> without_covered(const std::vector<std::string>& filters) {
  std::vector<std::string> kept;
  std::copy_if(filters.begin(), filters.end(), std::back_inserter(kept), [&](const std::string& filter) {
    return std::none_of(filters.begin(), filters.end(),
                        [&](const std::string& other) { return other != filter && covers(other, filter); });
  });
  return kept;
}

}  // namespace edgetide
