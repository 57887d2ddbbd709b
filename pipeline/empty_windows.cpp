#include "pipeline/empty_windows.h"

#include "pipeline/slot_bytes.h"

namespace edgetide {

void EmptyWindows::save(ByteWriter& out) const {
  out.u32(static_cast<std::uint32_t>(keys_.size()));
  for (const Key& key : keys_) {
    out.time(key.begin);
    out.i64(key.closed_from);
    out.i64(key.closed);
    out.i64(key.final);
  }
}

void EmptyWindows::load(ByteReader& in) {
  const std::size_t saved = load_count(in, keys_.size());
  for (std::size_t i = 0; in.ok() && i < saved; ++i) {
    keys_[i].begin = in.time();
    keys_[i].closed_from = in.i64();
    keys_[i].closed = in.i64();
    keys_[i].final = in.i64();
  }
}

}  // namespace edgetide
