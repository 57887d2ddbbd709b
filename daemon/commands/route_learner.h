// From messages that were heard to the routes that read them: presets where a topic is theirs, else the format of the
// payload and a pattern for topics of one shape.
//
// Owns:   samples of the messages, within the limits below; what is beyond them is counted only.
// Thread: one. Fails: never.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace edgetide {

struct LearnedRoute {
  std::string topic = {};              // a pattern
  std::string format = {};             // a format or a preset
  std::vector<std::string> keys = {};  // further lines, `time = "ts"`
  std::size_t topics = 0;
  std::uint64_t messages = 0;
  std::string example = {};             // one of the topics
  std::vector<std::string> mixed = {};  // labels that tell readings of one series and time apart: mixed_advice
  // Templates for the sensor that tell more topics apart than the one that it has, the last of them all.
  std::vector<std::string> longer_sensors = {};

  void lengthen_sensor();    // requires: there is a longer one
  std::string toml() const;  // as an element of [[sources.NAME.routes]]
};

class RouteLearner {
 public:
  static constexpr std::size_t max_topics = 10'000;
  static constexpr std::size_t max_samples = 5;  // of a topic
  static constexpr std::size_t max_sample_bytes = 16 << 20;
  static constexpr std::size_t max_exceptions = 100;  // routes of single topics

  void hear(std::string_view topic, std::string_view payload);

  struct Learned {
    std::vector<LearnedRoute> routes = {};     // the first that matches a topic reads it
    std::vector<std::string> unreadable = {};  // topics without a value
  };
  Learned learn() const;

  std::uint64_t messages() const noexcept { return messages_; }
  std::size_t topics() const noexcept { return heard_.size(); }
  std::uint64_t beyond() const noexcept { return beyond_; }  // messages of topics beyond max_topics

 private:
  struct Heard {
    std::uint64_t messages = 0;
    std::vector<std::string> payloads;
  };
  using Topics = std::map<std::string, Heard, std::less<>>;

  std::vector<LearnedRoute> take_topics_of_formats(Topics& left) const;
  std::vector<LearnedRoute> take_presets(Topics& left) const;
  std::vector<LearnedRoute> take_formats(Topics& left) const;
  std::set<std::size_t> mixed_routes(const std::vector<LearnedRoute>& routes) const;
  void tell_topics_apart(std::vector<LearnedRoute>& routes) const;
  void note_mixed_labels(std::vector<LearnedRoute>& routes) const;
  std::vector<LearnedRoute> exceptions(const std::vector<LearnedRoute>& routes) const;

  Topics heard_;
  std::uint64_t messages_ = 0, beyond_ = 0;
  std::size_t sample_bytes_ = 0;
};

}  // namespace edgetide
