#include "sinks/exec_sink.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <optional>
#include <poll.h>
#include <sys/eventfd.h>
#include <system_error>
#include <unistd.h>
#include <utility>

#include "daemon/service/log.h"
#include "sinks/command_errors.h"
#include "sinks/row_encoder.h"
#include "sinks/row_lines.h"

namespace edgetide {

namespace {

constexpr std::string_view row_is_done = "ok";
constexpr std::size_t max_answer_bytes = 200;

class ExecSink final : public Sink {
 public:
  ExecSink(ExecOptions options, SinkIdentity identity, std::vector<WindowSchema> inputs, CommandErrors::Tell tell)
      : options_(std::move(options)),
        identity_(std::move(identity)),
        tell_(std::move(tell)),
        lines_(find_row_encoding(options_.encoding)->make(std::move(inputs))),
        interrupted_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}
  ~ExecSink() override { end_command(); }

  Outcome open() override;
  Outcome deliver(const RowBatch& batch) override;
  LastEpoch last_epoch() override { return last_epoch_; }
  void close() noexcept override;
  void interrupt() noexcept override {
    const std::uint64_t one = 1;
    static_cast<void>(::write(interrupted_.get(), &one, sizeof one) == sizeof one);
  }

 private:
  enum class Step { moved, nothing_moves, interrupted, ended, misunderstood };

  Step wait();
  Step write_some();
  Step read_answers();
  Outcome give_up(const RowBatch& batch, Step why);
  std::string end_command() noexcept;
  std::string named(const std::string& words) const { return options_.command.program + ' ' + words; }

  const ExecOptions options_;
  const SinkIdentity identity_;
  const CommandErrors::Tell tell_;
  RowLines lines_;
  ChildCommand command_;
  std::unique_ptr<CommandErrors> errors_;  // of the command
  const Descriptor interrupted_;           // an event
  bool stays_ = false;                     // the command, though the sink is closed
  std::optional<EpochId> last_epoch_;
  std::size_t acknowledged_ = 0;  // rows of the batch
  std::string answer_;            // a line that is not whole yet
};

Outcome ExecSink::open() {
  if (command_.is_started() && command_.has_ended()) end_command();
  if (command_.is_started()) return Delivered{};
  std::vector<std::string> environment = {"PATH=" + std::string(command_path), "LANG=C.UTF-8",
                                          "EDGETIDE_GATEWAY=" + identity_.gateway, "EDGETIDE_SINK=" + identity_.sink};
  const std::string failed = command_.start(options_.command, std::move(environment), options_.acknowledge);
  if (!failed.empty()) return once_somebody_acts(named("cannot be started: " + failed));
  lines_.restart();
  answer_.clear();
  errors_ = std::make_unique<CommandErrors>(command_.take_errors(), tell_);
  return Delivered{};
}

Outcome ExecSink::deliver(const RowBatch& batch) {
  if (last_epoch_ && *last_epoch_ >= batch.id) return Delivered{};
  lines_.begin(batch);
  acknowledged_ = 0;
  const std::size_t rows = options_.acknowledge ? batch.row_count() : 0;
  while (!lines_.left().empty() || acknowledged_ < rows) {
    const Step step = wait();
    if (step != Step::moved) return give_up(batch, step);
  }
  lines_.finish();
  if (batch.last_part) last_epoch_ = batch.id;
  return Delivered{};
}

ExecSink::Step ExecSink::wait() {
  const auto until = std::chrono::steady_clock::now() + std::chrono::microseconds(options_.timeout.count());
  const int input = lines_.left().empty() ? -1 : command_.input();
  std::array<pollfd, 3> ready{pollfd{interrupted_.get(), POLLIN, 0}, pollfd{input, POLLOUT, 0},
                              pollfd{command_.output(), POLLIN, 0}};
  while (true) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now()).count();
    if (left <= 0) return Step::nothing_moves;
    if (::poll(ready.data(), ready.size(), static_cast<int>(left)) <= 0) continue;
    if (ready[0].revents != 0) return Step::interrupted;
    if (ready[2].revents != 0) return read_answers();  // before its end is seen
    return (ready[1].revents & POLLERR) != 0 ? Step::ended : write_some();
  }
}

ExecSink::Step ExecSink::write_some() {
  const std::string_view left = lines_.left();
  const ssize_t written = ::write(command_.input(), left.data(), left.size());
  if (written < 0) return errno == EINTR || errno == EAGAIN ? Step::moved : Step::ended;
  lines_.take(static_cast<std::size_t>(written));
  return Step::moved;
}

ExecSink::Step ExecSink::read_answers() {
  char bytes[4096];
  const ssize_t count = ::read(command_.output(), bytes, sizeof bytes);
  if (count < 0) return errno == EINTR || errno == EAGAIN ? Step::moved : Step::ended;
  if (count == 0) return Step::ended;
  for (const char c : std::string_view(bytes, static_cast<std::size_t>(count))) {
    if (c != '\n') {
      if (answer_.size() >= max_answer_bytes) return Step::misunderstood;
      answer_ += c;
      continue;
    }
    if (answer_ != row_is_done || acknowledged_ == lines_.rows_taken()) return Step::misunderstood;
    answer_.clear();
    ++acknowledged_;
  }
  return Step::moved;
}

Outcome ExecSink::give_up(const RowBatch& batch, Step why) {
  // Of a command that is started again nothing is sure but what it has acknowledged.
  const std::size_t sure = std::min(acknowledged_, batch.row_count());
  const bool waits = why == Step::nothing_moves || why == Step::interrupted;
  if (waits && !options_.acknowledge) {
    stays_ = why == Step::nothing_moves;
    return RetryAfter{Duration(), named("does not read"), lines_.give_up(batch)};
  }
  const std::string answer = printable(answer_);
  const std::string ended = end_command();
  if (why == Step::ended) return RetryAfter{Duration(), named(ended), sure};
  if (waits) return RetryAfter{Duration(), named("acknowledges no row"), sure};
  RetryAfter later =
      once_somebody_acts(named("has answered \"" + answer + "\"; it should answer ok, once for each row"));
  later.rows_stored = sure;
  return later;
}

void ExecSink::close() noexcept {
  if (!std::exchange(stays_, false)) end_command();
  std::uint64_t events = 0;
  static_cast<void>(::read(interrupted_.get(), &events, sizeof events) == sizeof events);
}

std::string ExecSink::end_command() noexcept {
  std::string ended = command_.end(options_.stop_timeout, interrupted_.get());
  errors_.reset();
  return ended;
}

}  // namespace

std::unique_ptr<Sink> make_exec_sink(ExecOptions options, SinkIdentity identity, std::vector<WindowSchema> inputs,
                                     std::function<void(std::string_view)> tell) {
  if (tell == nullptr) {
    tell = [sink = identity.sink](std::string_view line) {
      log(LogLevel::info, {.event = LogEvent::command_said, .sink = sink}, printable(line, 300));
    };
  }
  return std::make_unique<ExecSink>(std::move(options), std::move(identity), std::move(inputs), std::move(tell));
}

}  // namespace edgetide
