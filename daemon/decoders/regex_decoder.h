// Lines of any kind, taken apart by a regular expression with named groups (line_pattern.h).
//
// Names.   The templates of sensor and metric may name groups besides captures: "{url}". Without them: the groups
//          `sensor` or `device`, and `metric`; then the topic's captures; the metric "value".
// Value.   The group `value`, as value_text.h reads it. A pattern without that group counts: each match has the value
//          1.
// Time.    The group that `time` names, by default the group `time`; the arrival time if it took no part in the match.
// Labels.  Of the groups that `labels` names; one that took no part in the match is absent.
// Lines.   The first match of a line, or with `all` every match, each of them a reading. A line without one is
//          no_match, and costs only itself. Empty matches are none. Empty lines are skipped. A byte that is not UTF-8
//          is read as Latin-1.
//
// Thread, Fails: see decoder.h. Offsets are those of the line.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/decoders/decoder.h"
#include "daemon/decoders/line_pattern.h"
#include "daemon/decoders/message_output.h"
#include "daemon/decoders/text_template.h"
#include "daemon/decoders/time_field.h"
#include "daemon/decoders/value_text.h"

namespace edgetide {

struct RegexOptions final : FormatOptions {
  std::string pattern;
  bool all = false;  // every match of a line
  bool is_same(const FormatOptions& other) const override {
    const auto* const same_kind = dynamic_cast<const RegexOptions*>(&other);
    return same_kind != nullptr && same_kind->pattern == pattern && same_kind->all == all;
  }
};

class RegexDecoder final : public Decoder {
 public:
  RegexDecoder(const MappingOptions& options, std::span<const std::string> capture_names);
  void decode(const Message& message, DecodedBatch& out) override;

 private:
  struct LabelGroup {
    std::string key;
    std::size_t group;
  };
  std::size_t required_group(const std::string& option, const std::string& name) const;
  void decode_line(std::string_view line, const Message& message, std::size_t offset, MessageOutput& output);
  std::optional<Fault> add_match(const Message& message, std::size_t offset, MessageOutput& output);
  std::string_view expand(const TextTemplate& text, const Message& message, DecodedBatch& out);

  LinePattern pattern_;
  bool all_;
  std::optional<TextTemplate> sensor_;
  std::optional<TextTemplate> metric_;
  std::size_t value_;
  std::size_t time_group_;
  std::vector<LabelGroup> labels_;
  std::string unit_;
  ValueReader reader_;
  TimeReader time_;
  std::string scratch_;
};

extern const Format regex_format;

}  // namespace edgetide
