#include "sinks/stdout_sink.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <climits>
#include <optional>
#include <poll.h>
#include <string>
#include <string_view>
#include <system_error>
#include <unistd.h>
#include <utility>
#include <vector>

#include "sinks/row_encoder.h"
#include "sinks/row_lines.h"

namespace edgetide {

namespace {

constexpr int wait_for_reader_ms = 100;
constexpr int max_waits = 100;  // ten seconds

class StdoutSink final : public Sink {
 public:
  StdoutSink(std::unique_ptr<RowEncoder> encoder, int descriptor)
      : lines_(std::move(encoder)), descriptor_(descriptor) {}

  Outcome open() override { return Delivered{}; }
  Outcome deliver(const RowBatch& batch) override;
  LastEpoch last_epoch() override { return last_epoch_; }
  void close() noexcept override { interrupted_ = false; }
  void interrupt() noexcept override { interrupted_ = true; }

 private:
  bool wait_for_room() const;
  int write_some();
  RetryAfter stuck(const RowBatch& batch, const std::string& reason) {
    return {Duration(), "standard output: " + reason, lines_.give_up(batch)};
  }

  RowLines lines_;
  const int descriptor_;
  std::atomic<bool> interrupted_ = false;
  std::optional<EpochId> last_epoch_;
};

Outcome StdoutSink::deliver(const RowBatch& batch) {
  if (last_epoch_ && *last_epoch_ >= batch.id) return Delivered{};
  lines_.begin(batch);
  while (!lines_.left().empty()) {
    if (!wait_for_room()) return stuck(batch, "the reader does not read");
    const int error = write_some();
    if (error == EPIPE) return Stopped{"standard output: the reader has gone"};
    if (error != 0) return stuck(batch, std::generic_category().message(error));
  }
  lines_.finish();
  if (batch.last_part) last_epoch_ = batch.id;
  return Delivered{};
}

bool StdoutSink::wait_for_room() const {
  pollfd target{descriptor_, POLLOUT, 0};
  for (int waits = 0; waits < max_waits && !interrupted_; ++waits) {
    if (poll(&target, 1, wait_for_reader_ms) > 0) return true;
  }
  return false;
}

// Never more than a pipe that is ready takes without blocking. Returns errno, 0 if it went on.
int StdoutSink::write_some() {
  const std::string_view left = lines_.left();
  const ssize_t written = write(descriptor_, left.data(), std::min<std::size_t>(left.size(), PIPE_BUF));
  if (written < 0) return errno == EINTR || errno == EAGAIN ? 0 : errno;
  lines_.take(static_cast<std::size_t>(written));
  return 0;
}

}  // namespace

std::unique_ptr<Sink> make_stdout_sink(const StdoutOptions& options, std::vector<WindowSchema> inputs, int descriptor) {
  return std::make_unique<StdoutSink>(find_row_encoding(options.encoding)->make(std::move(inputs)), descriptor);
}

}  // namespace edgetide
