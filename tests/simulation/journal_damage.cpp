#include "tests/simulation/journal_damage.h"

#include <algorithm>
#include <set>
#include <variant>

#include "daemon/storage/checkpoint_store.h"
#include "daemon/storage/journal.h"
#include "daemon/storage/segment_reader.h"

namespace edgetide::test {

namespace {

DamagedJournal::Entry entry_of(const Record& record, std::size_t end, JournalDecoder& decoder,
                               const std::map<std::uint32_t, std::string>& sensors) {
  const std::size_t bytes = record_head_bytes + record.payload.size();
  DamagedJournal::Entry entry{record.number, record.type, end - bytes, bytes};
  const auto time = time_of(record.type, record.payload);
  entry.is_anchor = time && time->moment;
  entry.places_others = time && time->before;
  const auto decoded = decoder.decode(record.type, record.payload);
  if (!decoded) return entry;
  if (const auto* const added = std::get_if<NewSeries>(&*decoded)) entry.new_sensor = added->series.sensor;
  if (const auto* const batch = std::get_if<JournaledBatch>(&*decoded)) {
    for (const Reading& reading : batch->readings) {
      entry.readings.push_back({sensors.at(index_of(reading.series)), reading.event_time, reading.value});
    }
  }
  return entry;
}

}  // namespace

DamagedJournal::DamagedJournal(MemoryFileSystem& system, const std::map<std::uint32_t, std::string>& sensors) {
  const auto checkpoints = CheckpointStore(system, "state", {}).newest();
  const auto& found = std::get<CheckpointStore::Found>(checkpoints);
  if (found.checkpoint) from = found.checkpoint->journal_next;

  const LogLocation location = journal_location("state");
  const std::vector<Segment> segments = list_segments(system, location).value;
  JournalDecoder decoder;
  for (std::size_t i = 0; i < segments.size(); ++i) {
    File& file = files.emplace_back(File{location.path_of(segments[i].first_record), {}});
    SegmentReader reader(system.open(file.path, FileAccess::read).value);
    std::uint64_t expected = segments[i].first_record;
    while (const auto record = reader.next(expected)) {
      if (i + 1 < segments.size() && record->number >= segments[i + 1].first_record) break;
      if (record->type == next_segment_type) continue;
      expected = record->number + 1;
      file.entries.push_back(entry_of(*record, static_cast<std::size_t>(reader.offset()), decoder, sensors));
    }
  }
}

std::vector<SentReading> DamagedJournal::lost_without(std::uint64_t first, std::uint64_t last) const {
  std::vector<SentReading> lost;
  std::vector<SentReading> unplaced;  // behind it, and no anchor since
  std::set<std::string> undefined;
  bool is_placed = true;
  for (const File& file : files) {
    for (const Entry& entry : file.entries) {
      if (entry.number < from) continue;
      const bool is_lost = entry.number >= first && entry.number <= last;
      if (is_lost) {
        lost.insert(lost.end(), entry.readings.begin(), entry.readings.end());
        if (!entry.new_sensor.empty()) undefined.insert(entry.new_sensor);
        is_placed = false;
        continue;
      }
      if (entry.is_anchor) {
        if (!entry.places_others) lost.insert(lost.end(), unplaced.begin(), unplaced.end());
        is_placed = true;
        unplaced.clear();
      }
      for (const SentReading& reading : entry.readings) {
        if (!is_placed) unplaced.push_back(reading);
        if (undefined.contains(reading.sensor)) lost.push_back(reading);
      }
    }
  }
  lost.insert(lost.end(), unplaced.begin(), unplaced.end());
  return lost;
}

std::uint64_t DamagedJournal::needed(std::uint64_t first, std::uint64_t last) const {
  return last < from ? 0 : last - std::max(first, from) + 1;
}

}  // namespace edgetide::test
