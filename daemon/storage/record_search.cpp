#include "daemon/storage/record_search.h"

#include <algorithm>
#include <cstddef>
#include <string_view>

#include "daemon/storage/crc32c.h"
#include "daemon/storage/record_format.h"

namespace edgetide {

namespace {

constexpr std::size_t piece_bytes = 32 * 1024;

struct Candidate {
  FoundRecord record;
  std::uint32_t payload_bytes;
  std::uint32_t before_payload;  // checksum of what comes before the payload
  std::uint32_t checksum;        // as the head says
  std::uint32_t to_payload = 0;  // checksum of the file up to there, from where the pass began
  std::uint32_t to_end = 0;
};

// A place of the file up to which a checksum is wanted.
struct Wanted {
  std::uint64_t offset;
  std::uint32_t* checksum;
};

void note_candidate(std::vector<Candidate>& candidates, const FileWindow& window, std::string_view bytes,
                    const FoundRecord& record) {
  const RecordHead head = decode_record_head(bytes);
  const std::uint64_t room = window.size() - record.offset - record_head_bytes;
  if (head.payload_bytes > std::min<std::uint64_t>(room, max_payload_bytes_read)) return;
  candidates.push_back({record, head.payload_bytes, checksum_before_payload(record.number, bytes), head.checksum});
}

void fill_checksums(FileWindow& window, std::uint64_t begin, std::vector<Wanted>& wanted) {
  std::sort(wanted.begin(), wanted.end(), [](const Wanted& a, const Wanted& b) { return a.offset < b.offset; });
  std::uint32_t checksum = 0;
  for (const Wanted& place : wanted) {
    while (begin < place.offset) {
      const auto bytes = static_cast<std::size_t>(std::min<std::uint64_t>(place.offset - begin, piece_bytes));
      const std::string_view piece = window.view(begin, bytes);
      if (piece.empty()) return;  // cannot be read
      checksum = crc32c(piece, checksum);
      begin += piece.size();
    }
    *place.checksum = checksum;
  }
}

bool is_intact(const Candidate& one) noexcept {
  return (crc32c_followed_by(one.before_payload ^ one.to_payload, one.payload_bytes) ^ one.to_end) == one.checksum;
}

}  // namespace

RecordSearch::Result RecordSearch::search(FileWindow& window, std::uint64_t begin, std::uint64_t expected,
                                          std::uint64_t from) {
  Result result{{}, from};
  std::vector<Candidate> candidates;
  for (; result.end < window.size() && candidates.size() < max_candidates; ++result.end) {
    const std::string_view bytes = window.view(result.end, record_head_bytes);
    if (bytes.size() < record_head_bytes) {
      result.end = window.size();  // or it cannot be read
      break;
    }
    const std::uint64_t number = decode_record_head(bytes).number_from(expected);
    if (number - expected > (result.end - begin) / record_head_bytes) continue;
    note_candidate(candidates, window, bytes, {result.end, number});
  }
  std::vector<Wanted> wanted;
  for (Candidate& one : candidates) {
    const std::uint64_t payload = one.record.offset + record_head_bytes;
    wanted.push_back({payload, &one.to_payload});
    wanted.push_back({payload + one.payload_bytes, &one.to_end});
  }
  fill_checksums(window, from, wanted);
  for (const Candidate& one : candidates) {
    if (is_intact(one)) result.records.push_back(one.record);
  }
  return result;
}

}  // namespace edgetide
