// What a window definition keeps windows for: which series it takes, and the keys they belong to.
//
// Without group_by a key is a series, with the number of its origin (series.h). With group_by a key is a group: the
// values of the columns, and with `cube` every series belongs to one group for each subset of the columns. In its group
// a series has a MemberId, which is given again when its series was removed.
//
// Owns:   the strings of groups.
// Thread: one owner at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "pipeline/bytes.h"
#include "pipeline/options.h"
#include "pipeline/series.h"

namespace edgetide {

class KeyMap {
 public:
  explicit KeyMap(const WindowOptions& options);

  bool grouped() const noexcept { return grouped_; }
  bool takes_all() const noexcept { return !grouped() && takes_all_; }

  void save(ByteWriter& out) const;
  // The groups, in the order in which they were made. Requires: the series are added again afterwards.
  void load(ByteReader& in);

  // A computed series has a key, but readings that name it are not taken. `origin`: series.h.
  void add_series(SeriesId id, const Series& series, SeriesId origin, bool computed);
  // Its id may then be given to another series.
  void forget_series(SeriesId id);
  // An id that no series has at present.
  void skip_series(SeriesId id);

  // The keys of a series; empty: the definition does not take it.
  std::span<const KeyId> keys_of(SeriesId series) const noexcept {
    const std::size_t at = index_of(series) * stride_;
    if (at >= keys_.size()) return {};
    const KeyId* const first = keys_.data() + at;
    return {first, *first == no_key ? 0 : stride_};
  }
  // Requires: grouped. Calls visit(key, member) for each of the keys.
  template <typename Visit>
  void for_each_membership(SeriesId series, Visit&& visit) const {
    const auto keys = keys_of(series);
    for (std::size_t i = 0; i < keys.size(); ++i) visit(keys[i], members_[index_of(series) * stride_ + i]);
  }

  // Groups that have lost all members. One that is taken out gives its number to a later one.
  bool any_deserted() const noexcept { return deserted_ > 0; }
  template <typename MayGo>
  void take_out_deserted(MayGo&& may_go);

  // How many keys there are; grows with `add_series`.
  std::size_t size() const noexcept { return grouped() ? groups_.size() : keys_.size(); }

  std::size_t per_series() const noexcept { return stride_; }
  std::size_t series_count() const noexcept { return keys_.size() / stride_; }

  // Requires: grouped.
  const std::shared_ptr<const Series>& group(KeyId key) const noexcept { return groups_[index_of(key)].names; }
  // Requires: grouped. By key, where it stands in the order of rows.
  const std::vector<std::uint32_t>& ranks();

  std::size_t memory_bytes() const noexcept;
  static constexpr std::size_t bytes_by_group = 64;  // its place
  // The names and values of a group of that series, about.
  static std::size_t bytes_of_group(const Series& series) noexcept;

 private:
  // By column its value; left out of a subset: nothing, which is less than any value.
  using Tuple = std::vector<std::pair<bool, std::string>>;

  struct Group {
    std::shared_ptr<const Series> names;  // null: taken out
    const Tuple* tuple = nullptr;         // its key in tuples_
    std::uint32_t members = 0;
    std::uint32_t ids = 0;       // of members, ever given
    std::vector<MemberId> free;  // of them, those whose series was removed
  };

  bool matches(const Series& series) const noexcept;
  void open_group(KeyId key, const Tuple& tuple);
  MemberId enter(KeyId key);
  void take_out(KeyId key);
  KeyId group_of(const Series& series, std::size_t subset);
  KeyId group_named(Tuple tuple);
  KeyId free_key();
  Series to_series(const Tuple& tuple) const;
  static std::size_t group_bytes(const Group& group) noexcept;

  MatchOptions match_;
  bool takes_all_;
  std::vector<std::string> columns_;  // of groups
  bool grouped_;                      // else by series
  std::size_t stride_;                // keys per series
  std::vector<KeyId> keys_;           // by series, `stride_` each
  std::vector<MemberId> members_;     // as keys_, if grouped: which member of that key it is
  std::map<Tuple, KeyId> tuples_;
  std::vector<Group> groups_;
  std::size_t deserted_ = 0;      // groups without members
  std::size_t groups_bytes_ = 0;  // of their names and tuples
  std::vector<std::uint32_t> ranks_;
  bool ranked_ = true;
};

template <typename MayGo>
void KeyMap::take_out_deserted(MayGo&& may_go) {
  for (std::uint32_t group = 0; deserted_ > 0 && group < groups_.size(); ++group) {
    if (groups_[group].names && groups_[group].members == 0 && may_go(KeyId{group})) take_out(KeyId{group});
  }
}

}  // namespace edgetide
