#include "daemon/outbox/confirmed_batches.h"

#include <algorithm>
#include <utility>

#include "daemon/outbox/waiting_batches.h"

namespace edgetide {

void ConfirmedBatches::add(std::shared_ptr<const RowBatch> batch, Time now, Timestamp wall) {
  newest_ = std::max(newest_, batch->id);
  const std::size_t bytes = memory_of(*batch);
  bytes_ += bytes;
  batches_.push_back({std::move(batch), bytes, now, wall});
  forget_old(now);
}

void ConfirmedBatches::assume(EpochId id, Timestamp wall) {
  newest_ = std::max(newest_, id);
  if (id <= forgotten_) return;
  forgotten_ = id;
  forgotten_at_ = wall;
}

void ConfirmedBatches::forget_old(Time now) {
  const auto max_age = std::chrono::microseconds(max_age_.count());
  while (!batches_.empty() && (bytes_ > max_bytes_ || now - batches_.front().at > max_age)) {
    const Confirmed& oldest = batches_.front();
    assume(oldest.batch->id, oldest.wall);
    bytes_ -= oldest.bytes;
    batches_.pop_front();
  }
}

std::vector<std::shared_ptr<const RowBatch>> ConfirmedBatches::take_after(EpochId stored, Time now) {
  forget_old(now);
  std::vector<std::shared_ptr<const RowBatch>> taken;
  while (!batches_.empty() && batches_.back().batch->id > stored) {
    bytes_ -= batches_.back().bytes;
    taken.push_back(std::move(batches_.back().batch));
    batches_.pop_back();
  }
  std::reverse(taken.begin(), taken.end());
  return taken;
}

std::optional<Timestamp> ConfirmedBatches::forgotten_until(EpochId stored) const noexcept {
  return forgotten_ > stored ? std::optional(forgotten_at_) : std::nullopt;
}

}  // namespace edgetide
