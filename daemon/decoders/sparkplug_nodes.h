// What a route knows of edge nodes and their devices: the names and data types of their births, whether they are alive,
// the sequence of their messages, and when a node was asked for its births again.
//
// State.  Names and data types alone: it changes when a birth differs from the one before, not with each message. What
//         is restored is used, and its node asked for a birth once, as one may have been missed meanwhile.
// Limit:  max_places nodes and devices, max_metrics of all their births. Beyond, a place whose birth was not seen makes
//         room; otherwise what comes later is not known, and not asked for. The state holds the places that fit in
//         max_decoder_state_bytes; a node that does not fit is asked after a restart.
// Thread: one at a time. Fails: never.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/decoders/sparkplug_topic.h"

namespace edgetide {

// What a birth says of a metric.
struct SparkplugBirthMetric {
  std::optional<std::uint64_t> alias;
  std::string name;
  std::uint64_t datatype = 0;
  bool operator==(const SparkplugBirthMetric&) const = default;
};

// An edge node or a device.
class SparkplugPlace {
 public:
  // Births that were not seen, or were before the restart, or have been seen.
  enum class Birth { missing, restored, seen };

  // What the birth says of an alias or, if there is one, of a name. Nothing while the birth is missing, or where it has
  // no such metric.
  const SparkplugBirthMetric* find(std::optional<std::uint64_t> alias, std::string_view name) const noexcept;
  // Metrics of its birth beyond the limit are not known.
  bool is_cut() const noexcept { return is_cut_; }

 private:
  friend class SparkplugNodes;
  const SparkplugBirthMetric* with_alias(std::uint64_t alias) const noexcept;
  const SparkplugBirthMetric* named(std::string_view name) const noexcept;

  Birth birth_ = Birth::missing;
  bool is_cut_ = false;
  std::vector<SparkplugBirthMetric> aliased_;  // in the order of their aliases
  std::vector<SparkplugBirthMetric> named_;    // without an alias, in the order of their names
  // Of nodes.
  std::optional<std::uint64_t> bd_seq_;
  std::optional<std::uint64_t> seq_;
  bool is_in_doubt_ = false;                             // since its birth
  std::optional<std::uint64_t> messages_since_request_;  // none: it was not asked
  std::optional<std::uint64_t> asked_at_;                // ms, by its own clock
};

class SparkplugNodes {
 public:
  static constexpr std::size_t max_places = 4'000;
  static constexpr std::size_t max_metrics = 10'000;
  static constexpr std::uint64_t messages_between_requests = 100;
  static constexpr std::uint64_t milliseconds_between_requests = 60'000;

  // The node of a message; nothing: beyond the limit. Valid until the next call.
  SparkplugPlace* node(const SparkplugTopic& topic);
  // The node or device that a message is about, if it is known. Valid until the next call of another function.
  const SparkplugPlace* find(const SparkplugTopic& topic);
  // "group/node" or "group/node/device". Valid until the next call.
  std::string_view name_of(const SparkplugTopic& topic) { return key_of(topic, false); }

  // A message of a node that has this number. False: those between are missing, and it is in doubt.
  static bool follows(SparkplugPlace& node, std::optional<std::uint64_t> seq) noexcept;

  void birth(const SparkplugTopic& topic, std::vector<SparkplugBirthMetric> metrics);
  // Of a node's birth, if it says one, and the number of its message, which begins the sequence.
  static void begin(SparkplugPlace& node, std::optional<std::uint64_t> bd_seq,
                    std::optional<std::uint64_t> seq) noexcept;
  // What dies with a node are its devices. `bd_seq` of another session of the node: it is alive.
  void death(const SparkplugTopic& topic, std::optional<std::uint64_t> bd_seq);

  // A birth of the node or its devices may have been missed.
  static void doubt(SparkplugPlace& node) noexcept { node.is_in_doubt_ = true; }
  // True: what this message is about has no birth, or its node is in doubt; one that cannot be known lacks none.
  bool lacks_birth(const SparkplugTopic& topic);
  // True: the node is to be asked for its births; not again for some of its messages or some time by its own clock.
  static bool may_ask(SparkplugPlace& node, std::optional<std::uint64_t> timestamp) noexcept;
  static void count_message(SparkplugPlace& node) noexcept;

  bool is_beyond_limit() const noexcept { return is_beyond_limit_; }  // once true, it stays so
  bool has_changed() const noexcept { return has_changed_; }          // since the last `state`
  std::string state();
  void restore(std::string_view state);

 private:
  using Places = std::map<std::string, SparkplugPlace, std::less<>>;
  std::string_view key_of(const SparkplugTopic& topic, bool of_node);
  SparkplugPlace* find_or_add(std::string_view key);
  bool make_room();
  bool set_metrics(SparkplugPlace& place, std::vector<SparkplugBirthMetric> metrics);
  void set_devices_missing(std::string_view node_key);
  bool restore_place(std::string_view bytes);

  Places places_;  // by "group/node" and "group/node/device"
  std::size_t metric_count_ = 0;
  bool has_changed_ = false;
  bool is_beyond_limit_ = false;
  std::string key_;
};

}  // namespace edgetide
