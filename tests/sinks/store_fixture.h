// A test that runs against every kind of store of this build.
//
// Thread: the test's.
#pragma once

#include <gtest/gtest.h>
#include <memory>
#include <string>
#include <vector>

#include "tests/sinks/batch_builder.h"
#include "tests/sinks/outcome_matchers.h"
#include "tests/sinks/store.h"

namespace edgetide::test {

class StoreTest : public testing::TestWithParam<StoreKind> {
 protected:
  // As a new process would.
  std::unique_ptr<Sink> open_sink(const SinkIdentity& identity = this_gateway()) {
    auto sink = store->sink(windows, identity);
    EXPECT_THAT(sink->open(), IsDelivered());
    return sink;
  }
  std::unique_ptr<Sink> open_sink_of_state(std::uint64_t state_id) {
    SinkIdentity identity = this_gateway();
    identity.state_id = state_id;
    return open_sink(identity);
  }

  std::vector<StoredRow> rows() { return store->rows(windows[0]); }
  std::vector<double> counts() {
    std::vector<double> counts;
    for (const StoredRow& row : rows()) counts.push_back(row.values[0].value_or(-1));
    return counts;
  }

  std::unique_ptr<Store> store = GetParam().make();
  std::vector<WindowSchema> windows = minute_window();
};

inline std::string kind_name(const testing::TestParamInfo<StoreKind>& kind) {
  return kind.param.name;
}

}  // namespace edgetide::test
