#include "sinks/kafka_claim.h"

#include <charconv>
#include <cstdint>

namespace edgetide {

namespace {

constexpr std::string_view note_head = "edgetide 1 ";
constexpr std::size_t max_process_bytes = 500;

// Takes a number and the blank behind it.
template <class Number>
bool take_number(std::string_view& text, Number& number, int base = 10) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
  if (error != std::errc() || end == text.data() + text.size() || *end != ' ') return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()) + 1);
  return true;
}

std::string hexadecimal(std::uint64_t number) {
  char text[16];
  return {text, std::to_chars(text, text + sizeof text, number, 16).ptr};
}

}  // namespace

std::string kafka_claim_note(const ClaimState& state) {
  std::string note(note_head);
  for (const std::string& field :
       {std::to_string(state.incarnation), hexadecimal(state.state_id), std::to_string(state.newest.run),
        std::to_string(state.newest.epoch), std::to_string(state.updated_at.count()),
        std::to_string(state.claimed_at.count())}) {
    (note += field) += ' ';
  }
  return note + state.claimed_by.substr(0, max_process_bytes);
}

std::optional<ClaimState> parse_kafka_claim(std::string_view note) {
  if (!note.starts_with(note_head)) return std::nullopt;
  note.remove_prefix(note_head.size());
  ClaimState state;
  std::int64_t updated = 0, claimed = 0;
  const bool is_whole = take_number(note, state.incarnation) && take_number(note, state.state_id, 16) &&
                        take_number(note, state.newest.run) && take_number(note, state.newest.epoch) &&
                        take_number(note, updated) && take_number(note, claimed);
  if (!is_whole) return std::nullopt;
  state.updated_at = Timestamp::microseconds(updated);
  state.claimed_at = Timestamp::microseconds(claimed);
  state.claimed_by = note;
  return state;
}

}  // namespace edgetide
