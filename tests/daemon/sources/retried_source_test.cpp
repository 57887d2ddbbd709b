#include "daemon/sources/retried_source.h"

#include <gtest/gtest.h>
#include <stdexcept>
#include <vector>

#include "tests/fakes/recording_host.h"

namespace edgetide::test {
namespace {

// Fails to start so many times.
class FailingSource final : public Source {
 public:
  explicit FailingSource(int& failures, int& starts) : failures_(failures), starts_(starts) {}
  void start() override {
    ++starts_;
    if (failures_-- > 0) throw std::runtime_error("the address is in use");
  }
  void stop() noexcept override {}

 private:
  int& failures_;
  int& starts_;
};

TEST(RetriedSource, source_that_cannot_start_is_impaired_and_tried_after_1_to_30_seconds_until_it_runs) {
  int failures = 7, starts = 0;
  RecordingHost host;
  RetriedSource source("line", SourceId{0}, host, std::make_unique<FailingSource>(failures, starts));
  std::vector<std::int64_t> waits;
  Duration now = Duration::seconds(100);
  while (true) {
    source.start_if_due(now);
    if (!source.next_try()) break;
    EXPECT_EQ(host.impairment(), "cannot start, and is tried again: the address is in use");
    const int before = starts;
    source.start_if_due(*source.next_try() - Duration::microseconds(1));
    EXPECT_EQ(starts, before) << "not before it is due";
    waits.push_back((*source.next_try() - now).count() / 1'000'000);
    now = *source.next_try();
  }
  EXPECT_EQ(waits, (std::vector<std::int64_t>{1, 2, 4, 8, 16, 30, 30}));
  EXPECT_EQ(host.impairment(), "");
  source.start_if_due(now + Duration::hours(1));
  EXPECT_EQ(starts, 8) << "one that runs is not started again";
}

}  // namespace
}  // namespace edgetide::test
