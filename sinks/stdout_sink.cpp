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

#include "sinks/row_encoder.h"

namespace edgetide {

namespace {

constexpr int wait_for_reader_ms = 100;
constexpr int max_waits = 100;  // ten seconds

class StdoutSink final : public Sink {
 public:
  StdoutSink(std::unique_ptr<RowEncoder> encoder, int descriptor)
      : encoder_(std::move(encoder)), descriptor_(descriptor), header_(encoder_->header()) {}

  Outcome open() override { return Delivered{}; }
  Outcome deliver(const RowBatch& batch) override;
  LastEpoch last_epoch() override { return last_epoch_; }
  void close() noexcept override { interrupted_ = false; }
  void interrupt() noexcept override { interrupted_ = true; }

 private:
  void format(const RowBatch& batch);
  void begin_with(const std::string& line);
  bool wait_for_room() const;
  int write_some();
  RetryAfter stuck(const RowBatch& batch, const std::string& reason);

  const std::unique_ptr<RowEncoder> encoder_;
  const int descriptor_;
  std::atomic<bool> interrupted_ = false;
  std::optional<EpochId> last_epoch_;
  std::string header_;  // empty once its first byte is written
  // The part that is being delivered, and what comes before its rows.
  std::string text_;
  std::size_t written_ = 0;        // of its bytes
  std::vector<std::size_t> ends_;  // of its lines, each of which is a row but for the first ones
  std::size_t other_lines_ = 0;
  // What the last part has left behind: the rest of a line whose begin is written, and which row that is.
  std::string half_line_;
  EpochId half_epoch_;
  std::size_t half_row_ = 0;
};

Outcome StdoutSink::deliver(const RowBatch& batch) {
  if (last_epoch_ && *last_epoch_ >= batch.id) return Delivered{};
  format(batch);
  while (written_ < text_.size()) {
    if (!wait_for_room()) return stuck(batch, "the reader does not read");
    const int error = write_some();
    if (error == EPIPE) return Stopped{"standard output: the reader has gone"};
    if (error != 0) return stuck(batch, std::generic_category().message(error));
  }
  half_line_.clear();
  if (batch.last_part) last_epoch_ = batch.id;
  return Delivered{};
}

void StdoutSink::format(const RowBatch& batch) {
  text_.clear();
  ends_.clear();
  written_ = 0;
  // The begin of this line is written. It is that of our first row, or of one that was given up on: finish it first.
  const bool ours = !half_line_.empty() && half_epoch_ == batch.id && half_row_ == batch.first_row;
  if (!ours) begin_with(half_line_);
  begin_with(header_);
  other_lines_ = ends_.size();
  encoder_->append(text_, batch, &ends_);
  if (!ours) return;
  const std::size_t done = ends_[0] - half_line_.size();
  text_.erase(0, done);
  for (std::size_t& end : ends_) end -= done;
}

void StdoutSink::begin_with(const std::string& line) {
  if (line.empty()) return;
  text_ += line;
  ends_.push_back(text_.size());
}

// Only whole lines count as stored.
RetryAfter StdoutSink::stuck(const RowBatch& batch, const std::string& reason) {
  const auto next = std::upper_bound(ends_.begin(), ends_.end(), written_);
  const auto lines = static_cast<std::size_t>(next - ends_.begin());
  const std::size_t stored = lines - std::min(lines, other_lines_);
  const std::size_t begin = lines == 0 ? 0 : ends_[lines - 1];
  if (lines == 0 && !half_line_.empty()) {
    half_line_.erase(0, written_);  // still the same one
  } else {
    half_line_ = written_ == begin ? std::string() : text_.substr(written_, *next - written_);
    half_epoch_ = lines < other_lines_ ? EpochId{} : batch.id;
    half_row_ = batch.first_row + stored;
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
  const ssize_t written =
      write(descriptor_, text_.data() + written_, std::min<std::size_t>(text_.size() - written_, PIPE_BUF));
  if (written < 0) return errno == EINTR || errno == EAGAIN ? 0 : errno;
  written_ += static_cast<std::size_t>(written);
  if (written > 0) header_.clear();
  return 0;
}

}  // namespace

std::unique_ptr<Sink> make_stdout_sink(const StdoutOptions& options, std::vector<WindowSchema> inputs, int descriptor) {
  return std::make_unique<StdoutSink>(find_row_encoding(options.encoding)->make(std::move(inputs)), descriptor);
}

}  // namespace edgetide
