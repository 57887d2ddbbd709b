// Which readings of the quarantine were added to rows, by window and the number of their record: none is added twice.
// And since when each window has the shape it has (late_rows.h): readings that came before belong to other rows.
// Part of a checkpoint; the journal has what was added since. Bytes: the newest number in 8 bytes; how many windows in
// 4, then for each its name and the numbers (storage/number_ranges.h); how many windows in 4, then for each its name,
// the CRC-32C of its shape in 4 and the time in 8.
//
// Thread: plain values. Fails: `load` leaves the reader not ok for bytes that are no such marks.
// Limit:  max_ranges of consecutive numbers.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "daemon/storage/crc32c.h"
#include "daemon/storage/number_ranges.h"
#include "pipeline/bytes.h"
#include "pipeline/late_rows.h"

namespace edgetide {

class LateMarks {
 public:
  static constexpr std::size_t max_ranges = 10'000;

  bool has(std::string_view window, std::uint64_t number) const {
    const auto marked = by_window_.find(window);
    return marked != by_window_.end() && marked->second.has(number);
  }
  void add(std::string_view window, std::uint64_t number) {
    by_window_.try_emplace(std::string(window)).first->second.add(number);
    newest_ = std::max(newest_, number);
  }
  // The quarantine has no older ones.
  void forget_before(std::uint64_t number) {
    for (auto& [window, numbers] : by_window_) numbers.forget_before(number);
    std::erase_if(by_window_, [](const auto& marked) { return marked.second.empty(); });
  }

  // Each window as it is from `now` on. What came first is taken to have been so always.
  void know(const std::vector<WindowOptions>& windows, Timestamp now) {
    std::map<std::string, Shape, std::less<>> shapes;
    for (const WindowOptions& window : windows) {
      const std::uint32_t checksum = crc32c(late_shape(window));
      const auto known = shapes_.find(window.name);
      const bool same = known != shapes_.end() && known->second.checksum == checksum;
      shapes[window.name] = same              ? known->second
                            : shapes_.empty() ? Shape{checksum, Timestamp::earliest()}
                                              : Shape{checksum, now};
    }
    shapes_ = std::move(shapes);
  }
  // Of a reading that arrived then.
  bool came_for_another(std::string_view window, Timestamp arrival) const {
    const auto shape = shapes_.find(window);
    return shape == shapes_.end() || arrival < shape->second.since;
  }

  // Another reading may need a range more.
  bool full() const noexcept {
    std::size_t ranges = 0;
    for (const auto& [window, numbers] : by_window_) ranges += numbers.ranges();
    return ranges >= max_ranges;
  }
  // Of all that were ever added: the quarantine gives later readings greater numbers.
  std::uint64_t newest() const noexcept { return newest_; }

  void save(ByteWriter& out) const {
    out.u64(newest_);
    out.u32(static_cast<std::uint32_t>(by_window_.size()));
    for (const auto& [window, numbers] : by_window_) {
      out.text(window);
      numbers.save(out);
    }
    out.u32(static_cast<std::uint32_t>(shapes_.size()));
    for (const auto& [window, shape] : shapes_) {
      out.text(window);
      out.u32(shape.checksum);
      out.time(shape.since);
    }
  }
  void load(ByteReader& in) {
    newest_ = in.u64();
    const std::uint32_t windows = in.u32();
    for (std::uint32_t i = 0; i < windows && in.has(1, 8); ++i) {
      const std::string window(in.text());
      by_window_[window].load(in);
    }
    const std::uint32_t shapes = in.u32();
    for (std::uint32_t i = 0; i < shapes && in.has(1, 16); ++i) {
      const std::string window(in.text());
      const std::uint32_t checksum = in.u32();
      shapes_[window] = {checksum, in.time()};
    }
  }

 private:
  struct Shape {
    std::uint32_t checksum = 0;
    Timestamp since;
  };

  std::map<std::string, NumberRanges, std::less<>> by_window_;
  std::uint64_t newest_ = 0;
  std::map<std::string, Shape, std::less<>> shapes_;  // by window
};

}  // namespace edgetide
