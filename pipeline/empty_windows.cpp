#include "pipeline/empty_windows.h"

#include "pipeline/slot_bytes.h"

namespace edgetide {

void EmptyWindows::save(ByteWriter& out) const {
  out.u32(static_cast<std::uint32_t>(keys_.size()));
  for (const Key& key : keys_) {
    out.i64(key.first);
    out.i64(key.closed);
    out.i64(key.final);
    out.u8(key.begun ? 1 : 0);
  }
}

void EmptyWindows::load(ByteReader& in) {
  const std::size_t saved = load_count(in, keys_.size());
  for (std::size_t i = 0; in.ok() && i < saved; ++i) {
    keys_[i].first = in.i64();
    keys_[i].closed = in.i64();
    keys_[i].final = in.i64();
    keys_[i].begun = in.u8() != 0;
  }
}

}  // namespace edgetide
