// The first byte chooses. Even: the rest is a snapshot. Odd: the rest changes bytes of a whole one, three bytes a
// change: where (2), what. What is restored goes on: readings, a tick, and a snapshot that can be restored.
#include "pipeline/pipeline.h"
#include "tests/fuzz/fuzz_target.h"
#include "tests/pipeline/pipeline_fixture.h"

namespace edgetide::test {
namespace {

WindowOptions window_of(const char* name, WindowKind kind) {
  WindowOptions window = one_window().windows[0];
  window.name = name;
  window.kind = kind;
  window.slide = Duration::seconds(5);
  window.gap = Duration::seconds(3);
  window.allowed_lateness = Duration::seconds(30);
  return window;
}

// Each kind of window, and each aggregate that keeps more than a number.
PipelineOptions every_kind() {
  PipelineOptions options = one_window();
  options.max_memory_bytes = 1U << 20U;
  options.max_series = 50;
  options.windows[0].emit_empty = true;
  options.windows[0].derived = {product("power", "t", "t")};
  options.windows[0].aggregates = {Aggregate::count, Aggregate::avg, Aggregate::percentile(99), Aggregate::distinct};
  options.windows.push_back(window_of("sliding", WindowKind::sliding));
  options.windows.push_back(window_of("session", WindowKind::session));
  options.windows.back().aggregates = {Aggregate::count, Aggregate::increase};
  options.windows.push_back(window_of("running", WindowKind::running));
  options.windows.push_back(window_of("groups", WindowKind::tumbling));
  options.windows.back().group_by = {"sensor", "room"};
  options.windows.back().cube = true;
  options.windows.push_back(window_of("once", WindowKind::tumbling));
  options.windows.back().deduplicate = true;
  return options;
}

void go_on(Pipeline& pipeline, double since) {
  pipeline.connected(SourceId{0}, moment(since));
  for (int i = 0; i < 20; ++i)
    read_at(pipeline, since + i, std::string(1, static_cast<char>('a' + i % 5)), since + i * 7 % 40, i);
  tick(pipeline, since + 100);
}

const std::string& whole_snapshot() {
  static const std::string bytes = [] {
    Pipeline pipeline(every_kind());
    go_on(pipeline, 1'000'000);
    return pipeline.snapshot();
  }();
  return bytes;
}

void restore(std::string_view bytes) {
  Pipeline pipeline(every_kind());
  if (const auto reason = pipeline.restore(bytes)) {
    require(!reason->empty(), "what is refused is refused in words");
    static const std::string fresh = Pipeline(every_kind()).snapshot();
    require(pipeline.snapshot() == fresh, "what is refused leaves a new pipeline");
    return;
  }
  pipeline.take_over_changed();
  go_on(pipeline, 1'000'200);
  Pipeline again(every_kind());
  require(!again.restore(pipeline.snapshot(), Connections::go_on), "what was restored can be restored again");
}

std::string changed(std::string_view changes) {
  std::string bytes = whole_snapshot();
  for (; changes.size() >= 3; changes.remove_prefix(3)) {
    const std::size_t at = static_cast<unsigned char>(changes[0]) * 256U + static_cast<unsigned char>(changes[1]);
    bytes[at % bytes.size()] = changes[2];
  }
  return bytes;
}

}  // namespace
}  // namespace edgetide::test

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return edgetide::run_either(data, size, edgetide::test::restore, [](std::string_view changes) {
    edgetide::test::restore(edgetide::test::changed(changes));
  });
}
