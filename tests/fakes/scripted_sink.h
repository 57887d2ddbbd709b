// A sink in memory that answers as the test scripts it and records its rows. The log is the store: it outlives the
// sink, knows its last epoch, and accepts no epoch twice.
//
// Thread: the worker's thread calls it; the test reads through the locked accessors.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "sinks/row_slice.h"
#include "sinks/sink.h"

namespace edgetide::test {

class ScriptedSink final : public Sink {
 public:
  struct Log {
    std::mutex mutex;
    std::deque<Outcome> open_answers;          // then Delivered
    std::deque<Outcome> deliver_answers;       // then Delivered
    std::deque<LastEpoch> last_epoch_answers;  // then that of the log
    SinkTraits traits;
    bool keep_in_doubt = false;  // an InDoubt delivery was stored all the same
    bool block = false;          // deliver waits for `interrupt` or for this to be cleared
    int hangs = 1;               // so often until an interrupted call returns
    std::condition_variable unblocked;
    std::vector<EpochId> epochs;    // stored, in order
    std::vector<RowBatch> batches;  // of these, and the parts of others that were stored
    int opens = 0;
    int repeats = 0;  // deliveries of what was stored already
    int last_epoch_calls = 0;
    int take_overs = 0;
    bool closed = false;
    bool interrupted = false;

    // The epochs of one run.
    std::vector<std::uint64_t> stored() {
      const std::lock_guard lock(mutex);
      std::vector<std::uint64_t> numbers;
      for (const EpochId& id : epochs) numbers.push_back(id.epoch);
      return numbers;
    }
  };

  explicit ScriptedSink(Log& log) : log_(log) {}

  Outcome open() override {
    const std::lock_guard lock(log_.mutex);
    ++log_.opens;
    log_.closed = false;
    return next(log_.open_answers);
  }

  Outcome deliver(const RowBatch& batch) override {
    std::unique_lock lock(log_.mutex);
    for (int hang = 0; hang < log_.hangs; ++hang) {
      log_.unblocked.wait(lock, [&] { return !log_.block || log_.interrupted; });
      if (hang + 1 < log_.hangs) log_.interrupted = false;  // as a sink that connects again
    }
    if (log_.interrupted) return RetryAfter{Duration(), "interrupted"};
    if (!log_.epochs.empty() && batch.id <= log_.epochs.back()) {
      ++log_.repeats;
      return Delivered{};
    }
    const Outcome answer = next(log_.deliver_answers);
    const bool doubtful = std::holds_alternative<InDoubt>(answer);
    if (std::holds_alternative<Delivered>(answer) || (doubtful && log_.keep_in_doubt)) {
      if (batch.last_part) log_.epochs.push_back(batch.id);
      log_.batches.push_back(batch);
    } else if (const auto* retry = std::get_if<RetryAfter>(&answer); retry != nullptr && retry->rows_stored > 0) {
      log_.batches.push_back(slice(batch, 0, retry->rows_stored));
    }
    return answer;
  }

  LastEpoch last_epoch() override {
    const std::lock_guard lock(log_.mutex);
    ++log_.last_epoch_calls;
    if (!log_.last_epoch_answers.empty()) {
      LastEpoch answer = std::move(log_.last_epoch_answers.front());
      log_.last_epoch_answers.pop_front();
      return answer;
    }
    if (log_.epochs.empty()) return std::optional<EpochId>();
    return std::optional(log_.epochs.back());
  }

  void take_over() noexcept override {
    const std::lock_guard lock(log_.mutex);
    ++log_.take_overs;
  }

  void close() noexcept override {
    const std::lock_guard lock(log_.mutex);
    log_.closed = true;
  }

  void interrupt() noexcept override {
    const std::lock_guard lock(log_.mutex);
    log_.interrupted = true;
    log_.unblocked.notify_all();
  }

 private:
  static Outcome next(std::deque<Outcome>& answers) {
    if (answers.empty()) return Delivered{};
    Outcome answer = std::move(answers.front());
    answers.pop_front();
    return answer;
  }

  Log& log_;
};

}  // namespace edgetide::test
