#include "sinks/stdout_sink.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <climits>
#include <optional>
#include <poll.h>
#include <string>
#include <system_error>
#include <unistd.h>
#include <utility>

#include "sinks/row_json.h"

namespace edgetide {

namespace {

constexpr int wait_for_reader_ms = 100;
constexpr int max_waits = 100;  // ten seconds

class StdoutSink final : public Sink {
 public:
  StdoutSink(std::vector<WindowSchema> inputs, int descriptor) : inputs_(std::move(inputs)), descriptor_(descriptor) {}

  SinkTraits traits() const noexcept override { return stdout_traits(); }
  Outcome open() override { return Delivered{}; }
  Outcome deliver(const RowBatch& batch) override;
  LastEpoch last_epoch() override { return last_epoch_; }
  void close() noexcept override { interrupted_ = false; }
  void interrupt() noexcept override { interrupted_ = true; }

 private:
  void format(const RowBatch& batch);
  bool wait_for_room() const;
  int write_some();

  const std::vector<WindowSchema> inputs_;
  const int descriptor_;
  std::atomic<bool> interrupted_ = false;
  std::optional<EpochId> last_epoch_;
  std::optional<EpochId> unfinished_epoch_;
  std::string unwritten_;  // of that epoch
};

Outcome StdoutSink::deliver(const RowBatch& batch) {
  if (last_epoch_ && *last_epoch_ >= batch.id) return Delivered{};
  if (unfinished_epoch_ != batch.id) format(batch);
  while (!unwritten_.empty()) {
    if (!wait_for_room()) return RetryAfter{Duration(), "standard output: the reader does not read"};
    const int error = write_some();
    if (error == EPIPE) return Stopped{"standard output: the reader has gone"};
    if (error != 0) return RetryAfter{Duration(), "standard output: " + std::generic_category().message(error)};
  }
  last_epoch_ = std::exchange(unfinished_epoch_, std::nullopt);
  return Delivered{};
}

void StdoutSink::format(const RowBatch& batch) {
  // The rest of an epoch that was given up on would be half a line: finish that line first.
  unwritten_.erase(std::min(unwritten_.find('\n') + 1, unwritten_.size()));
  for (const WindowRows& window : batch.windows) {
    const WindowSchema& schema = inputs_[window.input];
    for (std::size_t i = 0; i < window.rows.size(); ++i) {
      append_row_json(unwritten_, schema, window.rows[i], window.values_of(i, schema.columns.size()), batch.id.epoch,
                      TimeText::rfc3339);
    }
  }
  unfinished_epoch_ = batch.id;
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
  const ssize_t written = write(descriptor_, unwritten_.data(), std::min<std::size_t>(unwritten_.size(), PIPE_BUF));
  if (written >= 0) {
    unwritten_.erase(0, static_cast<std::size_t>(written));
    return 0;
  }
  return errno == EINTR || errno == EAGAIN ? 0 : errno;
}

}  // namespace

std::unique_ptr<Sink> make_stdout_sink(std::vector<WindowSchema> inputs, int descriptor) {
  return std::make_unique<StdoutSink>(std::move(inputs), descriptor);
}

}  // namespace edgetide
