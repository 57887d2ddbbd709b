#include "pipeline/window_kinds.h"

#include <array>

namespace edgetide {

namespace {

// What a kind says of itself agrees with what it has, so that a member with a wrong name is not simply left out.
template <class Kind>
constexpr bool has_what_it_says(const Kind* windows = nullptr, Kind* changed = nullptr) {
  constexpr auto visit = [](AggregateSpan /*span*/, const AggregateLayout::Word* /*state*/) {};
  constexpr bool is_aligned = requires(KeyId key, Timestamp time) {
    windows->window_end(time);
    windows->has_window(key, time, true);
    windows->view_before(key, time, visit);
    windows->owes_row(key, time);
  };
  constexpr bool grows = requires(KeyId key, Timestamp time) {
    changed->settle(key, time);
    windows->is_late(key, time, time);
    windows->would_join(key, time, time, time);
    windows->for_each_final(key, time, time, visit);
  };
  constexpr bool begins = requires(Timestamp time) {
    changed->begin(time);
    windows->has_changes();
  };
  constexpr bool fills = requires(Candidate row, Aggregate aggregate) {
    windows->filled(row, aggregate);
  };
  constexpr WindowTraits traits = Kind::traits;
  return is_aligned == traits.aligned && is_aligned == (traits.step != nullptr) && grows == traits.grows &&
         begins == traits.endless && fills == traits.fills;
}

template <std::size_t... place>
constexpr std::array<WindowTraits, sizeof...(place)> all_traits(std::index_sequence<place...> /*places*/) {
  static_assert(((WindowsAt<place>::traits.kind == WindowKind{place}) && ...), "in the order of WindowKind");
  static_assert((has_what_it_says<WindowsAt<place>>() && ...));
  return {WindowsAt<place>::traits...};
}

constexpr auto traits_by_kind = all_traits(std::make_index_sequence<std::variant_size_v<Windows>>());

}  // namespace

std::span<const WindowTraits> window_kinds() noexcept {
  return traits_by_kind;
}

}  // namespace edgetide
