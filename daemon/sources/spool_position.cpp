#include "daemon/sources/spool_position.h"

#include "pipeline/bytes.h"

namespace edgetide {

namespace {

constexpr std::uint8_t position_version = 1;
constexpr unsigned done_bit = 1, damaged_bit = 2;

}  // namespace

std::string to_bytes(const SpoolPosition& position) {
  std::string bytes;
  ByteWriter out(bytes);
  out.u8(position_version);
  out.numbers(position.sequence, position.inode, position.offset, position.mark_bytes, position.mark);
  out.u8(static_cast<std::uint8_t>((position.is_done ? done_bit : 0) | (position.is_damaged ? damaged_bit : 0)));
  out.numbers(position.changed_ns, position.size);
  out.text(position.name);
  return bytes;
}

std::optional<SpoolPosition> parse_spool_position(std::string_view bytes) {
  ByteReader in(bytes);
  in.require(in.u8() == position_version);
  SpoolPosition position;
  position.sequence = in.u64();
  position.inode = in.u64();
  position.offset = in.u64();
  position.mark_bytes = in.u32();
  position.mark = in.u64();
  const unsigned state = in.u8();
  position.is_done = (state & done_bit) != 0;
  position.is_damaged = (state & damaged_bit) != 0;
  position.changed_ns = in.i64();
  position.size = in.u64();
  position.name = in.text();
  if (!in.ok() || !in.at_end()) return std::nullopt;
  return position;
}

}  // namespace edgetide
