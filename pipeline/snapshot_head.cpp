#include "pipeline/snapshot_head.h"

#include <string_view>

namespace edgetide {

namespace {

constexpr std::string_view magic = "edgetide state";
constexpr std::uint32_t version = 11;

void save(ByteWriter& out, const Counters& counters) {
  out.u64(counters.received);
  for (const std::uint64_t n : counters.outcomes) out.u64(n);
  out.u64(counters.restamped);
  out.u32(static_cast<std::uint32_t>(counters.refused.size()));
  for (const std::uint64_t n : counters.refused) out.u64(n);
}

Counters load_counters(ByteReader& in) {
  Counters counters;
  counters.received = in.u64();
  for (std::uint64_t& n : counters.outcomes) n = in.u64();
  counters.restamped = in.u64();
  const std::uint32_t reasons = in.u32();  // of the program that wrote it; new ones are added at the end
  for (std::uint32_t i = 0; in.ok() && i < reasons; ++i) {
    const std::uint64_t n = in.u64();
    if (i < counters.refused.size()) counters.refused[i] = n;
  }
  return counters;
}

}  // namespace

void save(ByteWriter& out, const SnapshotHead& head) {
  out.text(magic);
  out.u32(version);
  out.u64(head.epoch);
  out.u8(head.now ? 1 : 0);
  out.time(head.now.value_or(Moment{}).wall);
  out.duration(head.now.value_or(Moment{}).running);
  out.u64(head.series);
  out.u32(static_cast<std::uint32_t>(head.sources.size()));
  for (const SnapshotHead::Source& source : head.sources) {
    out.text(source.name);
    save(out, source.counters);
  }
  out.u32(static_cast<std::uint32_t>(head.windows.size()));
  for (const SnapshotHead::Window& window : head.windows) {
    out.text(window.name);
    out.text(window.fingerprint);
    out.u64(window.open_windows);
  }
}

std::optional<std::string> load(ByteReader& in, SnapshotHead& head) {
  if (in.text() != magic) return "not a pipeline snapshot";
  if (const std::uint32_t found = in.u32(); in.ok() && found != version) {
    return "snapshot version " + std::to_string(found) + ", this program reads " + std::to_string(version);
  }
  head.epoch = in.u64();
  const bool clock_known = in.u8() != 0;
  const Timestamp wall = in.time();
  const Duration running = in.duration();
  if (clock_known) head.now = Moment{wall, running};
  head.series = in.u64();
  const std::uint32_t sources = in.u32();
  for (std::uint32_t i = 0; in.ok() && i < sources; ++i) {
    std::string name(in.text());
    head.sources.push_back({std::move(name), load_counters(in)});
  }
  const std::uint32_t windows = in.u32();
  for (std::uint32_t i = 0; in.ok() && i < windows; ++i) {
    std::string name(in.text()), fingerprint(in.text());
    head.windows.push_back({std::move(name), std::move(fingerprint), in.u64()});
  }
  if (in.ok()) return std::nullopt;
  return "the snapshot is damaged";
}

}  // namespace edgetide
