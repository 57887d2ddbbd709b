// The first byte chooses about what the server lies: its lowest bits what was asked, the highest whether the answer is
// made of well-formed messages with the values that the bytes say, or of the bytes as they are. The sink is opened and
// delivers two rows; whatever comes back, it is an outcome.
#include "tests/fuzz/fuzz_target.h"
#include "tests/sinks/batch_builder.h"
#include "tests/sinks/lying_postgres.h"

namespace edgetide::test {
namespace {

constexpr unsigned oids[] = {20, 25, 19, 16, 23, 701, 1043, 17};

std::string_view take(std::string_view& bytes, std::size_t count) {
  const std::string_view taken = bytes.substr(0, count);
  bytes.remove_prefix(taken.size());
  return taken;
}

std::size_t take_number(std::string_view& bytes) {
  const std::string_view one = take(bytes, 1);
  return one.empty() ? 0 : static_cast<unsigned char>(one[0]);
}

// Columns, their types, then values: a length, 255 for NULL, and that many bytes; a row ends with its last column. What
// is left is the tag.
PgReply reply_of(std::string_view bytes) {
  PgReply reply;
  const std::size_t columns = take_number(bytes) % 10;
  for (std::size_t i = 0; i < columns; ++i) reply.types.push_back(oids[take_number(bytes) % std::size(oids)]);
  const std::size_t rows = take_number(bytes) % 8;
  for (std::size_t row = 0; row < rows; ++row) {
    auto& values = reply.rows.emplace_back();
    for (std::size_t i = 0; i < columns; ++i) {
      const std::size_t length = take_number(bytes);
      values.push_back(length == 255 ? std::nullopt : std::optional<std::string>(take(bytes, length)));
    }
  }
  if (!bytes.empty()) reply.tag = bytes.substr(0, bytes.find('\0'));
  return reply;
}

void deliver(Sink& sink) {
  if (!std::holds_alternative<Delivered>(sink.open())) return sink.close();
  const Outcome outcome = sink.deliver(batch(1, {{series("a"), 0, 1, {1, 1}}, {series("b"), 0, 1, {2, 2}}}));
  if (const auto* const later = std::get_if<RetryAfter>(&outcome))
    require(!later->reason.empty(), "a failure has a reason");
  sink.close();
}

}  // namespace
}  // namespace edgetide::test

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace edgetide::test;
  static LyingPostgres server(minute_window());
  std::string_view bytes = edgetide::text_of(data, size);
  if (bytes.empty()) return 0;
  const std::size_t how = take_number(bytes);
  const auto about = static_cast<Asked>(1 + how % 14);
  server.tell_the_truth();
  server.forget();
  server.lie(about, how < 128 ? reply_of(bytes) : PgReply{.bytes = std::string(bytes)});
  const auto sink = edgetide::make_postgres_sink(server.options(), this_gateway(), minute_window());
  deliver(*sink);
  return 0;
}
