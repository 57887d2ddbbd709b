// What a sink is, as far as those who bring it rows need to know.
//
//   kind      table: a row replaces the one of the same window, series and start, so of rows that wait together only
//             the newest is delivered; rows in the state `added` are added to it. stream: every row of every epoch is
//             delivered.
//   delivery  exactly_once: a batch is stored whole or not at all, with its epoch. at_least_once: a batch may be split,
//             and rows that the sink could not confirm are delivered again.
//
// Units:  bytes of rows in memory.
// Thread: plain values.
#pragma once

#include <cstddef>
#include <string_view>

namespace edgetide {

enum class SinkKind { table, stream };
enum class DeliveryGuarantee { exactly_once, at_least_once };

struct SinkTraits {
  SinkKind kind = SinkKind::table;
  DeliveryGuarantee delivery = DeliveryGuarantee::exactly_once;
  // Of one delivery. A single epoch that has more is stored whole by an exactly-once sink.
  std::size_t max_rows = 5000;
  std::size_t max_bytes = 4 * 1024 * 1024;
  bool operator==(const SinkTraits&) const = default;
};

constexpr std::string_view name_of(SinkKind kind) noexcept {
  return kind == SinkKind::table ? "table" : "stream";
}
constexpr std::string_view name_of(DeliveryGuarantee delivery) noexcept {
  return delivery == DeliveryGuarantee::exactly_once ? "exactly_once" : "at_least_once";
}

}  // namespace edgetide
