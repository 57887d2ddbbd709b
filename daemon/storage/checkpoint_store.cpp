#include "daemon/storage/checkpoint_store.h"

#include <algorithm>

#include "daemon/storage/crc32c.h"
#include "daemon/storage/segment.h"
#include "pipeline/bytes.h"

namespace edgetide {
namespace {
std::string encode(const Checkpoint& c) {
  std::string bytes;
  ByteWriter out(bytes);
  out.u64(c.state_id);
  out.u64(c.run);
  out.u64(c.epoch);
  out.u64(c.journal_next);
  out.time(c.taken_at.wall);
  out.duration(c.taken_at.running);
  out.text(c.pipeline);
  out.text(c.intake);
  out.u32(static_cast<std::uint32_t>(c.outboxes.size()));
  for (const auto& o : c.outboxes) {
    out.text(o.sink);
    out.u64(o.first_record);
  }
  out.u32(crc32c(bytes));
  return bytes;
}
std::optional<Checkpoint> decode(std::string_view bytes) {
  if (bytes.size() < 4) return std::nullopt;
  ByteReader tail(bytes.substr(bytes.size() - 4));
  if (tail.u32() != crc32c(bytes.substr(0, bytes.size() - 4))) return std::nullopt;
  ByteReader in(bytes);
  Checkpoint c;
  c.state_id = in.u64();
  c.run = in.u64();
  c.epoch = in.u64();
  c.journal_next = in.u64();
  c.taken_at.wall = in.time();
  c.taken_at.running = in.duration();
  c.pipeline = in.text();
  c.intake = in.text();
  const std::uint32_t n = in.u32();
  for (std::uint32_t i = 0; in.ok() && i < n; ++i) {
    OutboxStart o;
    o.sink = in.text();
    o.first_record = in.u64();
    c.outboxes.push_back(o);
  }
  return in.ok() ? std::optional(c) : std::nullopt;
}
}  // namespace

std::variant<CheckpointStore::Found, std::string> CheckpointStore::newest() const {
  Found found;
  kept_.clear();
  const auto segments = list_segments(files_, {folder_, "checkpoint"});
  if (segments.error) return folder_ + ": " + segments.error.message();
  for (const Segment& segment : segments.value) {
    const std::string path = folder_ + '/' + segment_name("checkpoint", segment.first_record);
    next_ = segment.first_record + 1;
    auto file = files_.open(path, FileAccess::read);
    if (file.error) continue;
    std::string bytes(segment.bytes, 0);
    if (file.value->read(0, bytes).error) continue;
    auto checkpoint = decode(bytes);
    if (!checkpoint) {
      found.complaints.push_back(path + ": damaged, the one before is used");
      continue;
    }
    kept_.push_back({path, checkpoint->journal_next});
    found.checkpoint = std::move(checkpoint);
  }
  return found;
}

std::error_code CheckpointStore::write(const Checkpoint& checkpoint) {
  if (auto error = files_.make_folder(folder_)) return error;
  const std::string fresh = folder_ + "/checkpoint.new";
  if (auto error = files_.remove(fresh); error && error != std::errc::no_such_file_or_directory) return error;
  const std::string path = folder_ + '/' + segment_name("checkpoint", next_);
  {
    auto file = files_.open(fresh, FileAccess::create_new);
    if (file.error) return file.error;
    if (auto error = file.value->write(0, encode(checkpoint))) return error;
    if (auto error = file.value->sync()) return error;
  }
  if (auto error = files_.rename(fresh, path)) return error;
  ++next_;
  if (auto error = files_.sync_folder(folder_)) return error;
  kept_.push_back({path, checkpoint.journal_next});
  while (kept_.size() > options_.keep) {
    if (auto error = files_.remove(kept_.front().path); error && error != std::errc::no_such_file_or_directory) return error;
    kept_.erase(kept_.begin());
  }
  return {};
}

}  // namespace edgetide
