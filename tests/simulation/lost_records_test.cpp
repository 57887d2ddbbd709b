// Records of the journal are damaged while the daemon is dead. It starts, says what is lost, and every reading that was
// not in them is in its window. Each reading of a sensor and window has its own power of two as value, so that the sum
// of a row says which readings it counts.
#include <algorithm>
#include <bit>
#include <gtest/gtest.h>
#include <optional>
#include <random>
#include <regex>

#include "tests/simulation/death_case.h"
#include "tests/simulation/journal_damage.h"
#include "tests/simulation/plant.h"
#include "tests/simulation/seeds.h"

namespace edgetide::test {
namespace {

constexpr std::size_t losing_sensors = 5;
constexpr int losing_steps = 150;

using Mask = std::uint64_t;  // which readings of a sensor and window

class LostRecords {
 public:
  enum class Kind { flipped, zeroed, empty_file, missing_file };

  explicit LostRecords(std::uint64_t seed)
      : random_(seed), plant_(seed, options(seed)), damages_at_(20 + static_cast<int>(up_to(100))) {
    plant_.updated.keeps_fuller = true;
    plant_.core.death = death_cases[seed % std::size(death_cases)].death;
    plant_.core.next_death = [this] { return 1 + random_() % 400; };
    plant_.while_dead = [this] {
      if (step_ >= damages_at_ && !said_.damaged) damage();
    };
  }

  void run() {
    plant_.start();
    plant_.core.files.die_at(plant_.core.next_death());
    for (step_ = 0; step_ < losing_steps; ++step_) {
      plant_.clock.pass(Duration::milliseconds(static_cast<std::int64_t>(up_to(900))));
      for (MqttSourceFake& source : plant_.sources) let_act(source);
      if (up_to(3) == 0) plant_.tick(), plant_.revive();
      if (up_to(2) == 0) plant_.store(), plant_.revive();
      if (up_to(2) != 0) plant_.deliver(), plant_.revive();
    }
    plant_.settle();
    if (!said_.damaged) {
      plant_.kill();
      plant_.start();
    }
    plant_.close_windows(losing_sensors);
  }

  // What was damaged, and what the next start said.
  struct Damage {
    bool damaged = false;
    Kind kind{};
    std::uint64_t first = 0, last = 0;  // records
    std::uint8_t type = 0;              // of the first
    std::uint64_t needed = 0;           // of them by a recovery
    bool is_newest = false;             // nothing is behind them
    bool dies_again = false;            // perhaps after a torn tail was cut, before it could be reported
    bool is_named = false;              // a checkpoint says that there were some
  };
  const Damage& damage_done() const { return said_; }
  const std::vector<std::string>& reports() const { return plant_.first_reports; }
  const Plant& plant() const { return plant_; }
  const SentReadings::Rows& stored_then() const { return stored_then_; }

  Mask all_of(const SentReadings::Key& key) const { return (Mask{1} << sent_.at(key)) - 1; }
  Mask lost_of(const SentReadings::Key& key) const { return lost_.contains(key) ? lost_.at(key) : 0; }
  const std::map<SentReadings::Key, std::size_t>& sent() const { return sent_; }

 private:
  static PlantOptions options(std::uint64_t seed) {
    PlantOptions plant{.durability = death_cases[seed % std::size(death_cases)].durability,
                       .writes_checkpoints = seed % 2 == 0};
    plant.time.max_out_of_orderness = Duration::seconds(2);
    plant.time.idle_timeout = Duration::unlimited();
    return plant;
  }
  std::uint64_t up_to(std::uint64_t most) { return random_() % (most + 1); }

  void let_act(MqttSourceFake& source) {
    for (std::uint64_t n = up_to(2); n > 0; --n) publish(source);
    plant_.exchange(source, up_to(6), up_to(6), up_to(6));
    if (!plant_.revive() && up_to(30) == 0 && source.link.is_open()) {
      source.cut();
      plant_.revive();
    }
  }

  // Each sensor has one source.
  void publish(MqttSourceFake& source) {
    const std::size_t which = static_cast<std::size_t>(&source - plant_.sources.data());
    const std::size_t sensor = up_to((losing_sensors - 1 - which) / Plant::source_count) * Plant::source_count + which;
    SentReading reading{Plant::sensor(sensor), ScriptClock::start + plant_.clock.running, 0};
    const auto known = sent_.find(SentReadings::key_of(reading));
    const std::size_t number = known == sent_.end() ? 0 : known->second;
    reading.value = static_cast<double>(Mask{1} << number);
    if (source.broker.publish(reading)) sent_[SentReadings::key_of(reading)] = number + 1;
  }

  void damage();
  void write(const DamagedJournal::File& file, const DamagedJournal::Entry& entry);

  std::mt19937_64 random_;
  Plant plant_;
  const int damages_at_;
  int step_ = 0;
  Damage said_;
  SentReadings::Rows stored_then_;
  std::map<SentReadings::Key, std::size_t> sent_;  // how many readings
  std::map<SentReadings::Key, Mask> lost_;
};

void LostRecords::write(const DamagedJournal::File& file, const DamagedJournal::Entry& entry) {
  std::string bytes = plant_.core.files.content(file.path);
  if (said_.kind == Kind::flipped) {
    bytes[entry.offset + up_to(entry.bytes - 1)] ^= static_cast<char>(1U << up_to(7));
  } else {
    std::fill_n(bytes.begin() + static_cast<std::ptrdiff_t>(entry.offset), entry.bytes, '\0');
  }
  plant_.core.files.set_content(file.path, bytes);
}

// Once, of the part that a recovery needs.
void LostRecords::damage() {
  plant_.core.files.die_at(0);
  const DamagedJournal journal(plant_.core.files, plant_.sensors);
  std::vector<const DamagedJournal::File*> files;
  for (const auto& file : journal.files) {
    if (!file.entries.empty() && file.entries.back().number >= journal.from) files.push_back(&file);
  }
  if (files.empty()) return;
  const DamagedJournal::File& file = *files[up_to(files.size() - 1)];
  said_.damaged = true;
  said_.kind = static_cast<Kind>(up_to(7) < 6 ? up_to(1) : 2 + up_to(1));
  const bool whole = said_.kind == Kind::empty_file || said_.kind == Kind::missing_file;
  const auto first_needed = std::find_if(file.entries.begin(), file.entries.end(),
                                         [&](const auto& one) { return one.number >= journal.from; });
  const auto begin = up_to(9) == 0 ? file.entries.begin() : first_needed;
  const DamagedJournal::Entry& entry =
      begin[static_cast<std::ptrdiff_t>(up_to(static_cast<std::uint64_t>(file.entries.end() - begin - 1)))];
  said_.first = whole ? file.entries.front().number : entry.number;
  said_.last = whole ? file.entries.back().number : entry.number;
  said_.type = entry.type;
  said_.needed = journal.needed(said_.first, said_.last);
  said_.is_named = !whole || journal.from > said_.first;
  said_.is_newest = said_.last == files.back()->entries.back().number;
  for (const SentReading& reading : journal.lost_without(said_.first, said_.last)) {
    lost_[SentReadings::key_of(reading)] |= static_cast<Mask>(reading.value);
  }
  stored_then_ = Plant::rows_of(plant_.updated);
  if (!whole) {
    write(file, entry);
  } else if (said_.kind == Kind::empty_file) {
    plant_.core.files.set_content(file.path, "");
  } else {
    static_cast<void>(plant_.core.files.remove(file.path));
    static_cast<void>(plant_.core.files.sync_folder(file.path.substr(0, file.path.rfind('/'))));
  }
  plant_.first_reports.clear();
  said_.dies_again = up_to(1) == 0;
  if (said_.dies_again) plant_.core.files.die_at(plant_.core.next_death());
}

std::string name_of(const LostRecords::Damage& damage) {
  constexpr const char* kinds[] = {"flipped", "zeroed", "empty file", "missing file"};
  return std::string(kinds[static_cast<int>(damage.kind)]) + ", records " + std::to_string(damage.first) + " to " +
         std::to_string(damage.last) + ", type " + std::to_string(damage.type) + ", needed " +
         std::to_string(damage.needed) + (damage.is_newest ? ", newest" : "");
}

std::uint64_t records_reported(const std::vector<std::string>& reports) {
  static const std::regex lost("(\\d+) records? lost");
  std::uint64_t sum = 0;
  for (const std::string& report : reports) {
    std::smatch found;
    if (std::regex_search(report, found, lost)) sum += std::stoull(found[1]);
  }
  return sum;
}

// The readings of a row; nothing if one is counted twice or belongs elsewhere.
std::optional<Mask> readings_of(const SentReadings::Row& row, Mask all) {
  const Mask mask = static_cast<Mask>(row.sum);
  const bool sound = (mask & ~all) == 0 && std::popcount(mask) == static_cast<int>(row.count);
  return sound ? std::optional(mask) : std::nullopt;
}

// `is_table`: a row of more readings stays, also if it has others.
void expect_rows(const LostRecords& simulation, const SentReadings::Rows& rows, bool is_table) {
  for (const auto& [key, count] : simulation.sent()) {
    const Mask all = simulation.all_of(key), kept = all & ~simulation.lost_of(key);
    const SentReadings::Row row = rows.contains(key) ? rows.at(key) : SentReadings::Row();
    const std::optional<Mask> has = readings_of(row, all);
    const bool complete = has && (*has & kept) == kept;
    const bool fuller = is_table && has && std::popcount(*has) > std::popcount(kept);
    EXPECT_TRUE(complete || fuller) << (is_table ? "table: " : "append: ") << key.first << ", start "
                                    << (key.second - ScriptClock::start.count()) / 1'000'000 << " s, count "
                                    << row.count << ", sum " << std::hex << static_cast<Mask>(row.sum) << ", sent "
                                    << all << ", to be kept " << kept;
  }
  for (const auto& [key, row] : rows) EXPECT_TRUE(simulation.sent().contains(key)) << key.first << ' ' << key.second;
}

void expect_reported(const LostRecords& simulation) {
  const LostRecords::Damage& damage = simulation.damage_done();
  std::string all;
  for (const std::string& report : simulation.reports()) all += report + '\n';
  if (damage.needed == 0) return;
  if (damage.is_newest) {  // nothing behind it shows how many; zeros may be room that was never written
    const bool leaves_no_trace = damage.kind == LostRecords::Kind::zeroed || damage.dies_again || !damage.is_named;
    EXPECT_TRUE(leaves_no_trace || all.find("cut off") != std::string::npos ||
                all.find("missing, empty") != std::string::npos)
        << all;
    return;
  }
  // Also those of the same file that are in the checkpoint.
  EXPECT_GE(records_reported(simulation.reports()), damage.needed) << all;
  EXPECT_LE(records_reported(simulation.reports()), damage.last - damage.first + 1) << all;
}

TEST(LostRecordSimulation, damaged_records_cost_themselves_and_are_reported) {
  const Range range = seeds(500);
  std::uint64_t damaged = 0;
  for (std::uint64_t seed = range.first; seed <= range.last; ++seed) {
    LostRecords simulation(seed);
    simulation.run();
    damaged += simulation.damage_done().damaged ? 1 : 0;
    expect_reported(simulation);
    const SentReadings::Rows table = Plant::rows_of(simulation.plant().updated);
    expect_rows(simulation, table, true);
    expect_rows(simulation, Plant::rows_of(simulation.plant().appended), false);
    for (const auto& [key, row] : simulation.stored_then()) {
      EXPECT_TRUE(table.contains(key) && table.at(key).count >= row.count) << key.first << ", start " << key.second;
    }
    ASSERT_FALSE(testing::Test::HasFailure()) << "seed " << seed << ", " << name_of(simulation.damage_done());
  }
  EXPECT_GE(damaged, (range.last - range.first) / 2) << "the simulation shows nothing";
}

}  // namespace
}  // namespace edgetide::test
