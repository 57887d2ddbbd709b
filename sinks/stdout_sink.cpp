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
#include <vector>

#include "sinks/json_lines_encoder.h"

namespace edgetide {

namespace {

constexpr int wait_for_reader_ms = 100;
constexpr int max_waits = 100;  // ten seconds

class StdoutSink final : public Sink {
 public:
  StdoutSink(std::vector<WindowSchema> inputs, int descriptor)
      : encoder_(make_json_lines_encoder(std::move(inputs))), descriptor_(descriptor) {}

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
  RetryAfter stuck(const RowBatch& batch, const std::string& reason);

  const std::unique_ptr<RowEncoder> encoder_;
  const int descriptor_;
  std::atomic<bool> interrupted_ = false;
  std::optional<EpochId> last_epoch_;
  std::string unwritten_;    // of the part that is being delivered
  bool line_begun_ = false;  // the last byte written is not the end of a line
  // What the last part has left behind: the rest of a line whose begin is written, and which row that is.
  std::string half_line_;
  EpochId half_epoch_;
  std::size_t half_row_ = 0;
};

Outcome StdoutSink::deliver(const RowBatch& batch) {
  if (last_epoch_ && *last_epoch_ >= batch.id) return Delivered{};
  format(batch);
  while (!unwritten_.empty()) {
    if (!wait_for_room()) return stuck(batch, "the reader does not read");
    const int error = write_some();
    if (error == EPIPE) return Stopped{"standard output: the reader has gone"};
    if (error != 0) return stuck(batch, std::generic_category().message(error));
  }
  if (batch.last_part) last_epoch_ = batch.id;
  return Delivered{};
}

void StdoutSink::format(const RowBatch& batch) {
  unwritten_.clear();
  encoder_->append(unwritten_, batch);
  if (half_line_.empty()) return;
  // The begin of this line is written. It is that of our first row, or of one that was given up on: finish it first.
  const bool ours = half_epoch_ == batch.id && half_row_ == batch.first_row;
  unwritten_.replace(0, ours ? unwritten_.find('\n') + 1 : 0, half_line_);
  half_line_.clear();
}

// Only whole lines count as stored.
RetryAfter StdoutSink::stuck(const RowBatch& batch, const std::string& reason) {
  const auto lines = static_cast<std::size_t>(std::count(unwritten_.begin(), unwritten_.end(), '\n'));
  const std::size_t rows = batch.row_count();
  const std::size_t stored = rows - std::min(rows, lines);
  if (line_begun_) {
    half_line_ = unwritten_.substr(0, unwritten_.find('\n') + 1);
    if (lines <= rows) {  // else it is still the line of the one before
      half_epoch_ = batch.id;
      half_row_ = batch.first_row + stored;
    }
  }
  return {Duration(), "standard output: " + reason, stored};
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
    if (written > 0) line_begun_ = unwritten_[static_cast<std::size_t>(written) - 1] != '\n';
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
