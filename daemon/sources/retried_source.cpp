#include "daemon/sources/retried_source.h"

#include <exception>

#include "daemon/service/backoff.h"

namespace edgetide {

void RetriedSource::start_if_due(Duration now) {
  if (!next_try_ || now < *next_try_) return;
  try {
    source_->start();
    next_try_.reset();
    host_.impaired(id_, {});
  } catch (const std::exception& error) {
    source_->stop();
    next_try_ = now + backoff_delay(failures_++, 1);
    host_.impaired(id_, "cannot start, and is tried again: " + std::string(error.what()));
  }
}

}  // namespace edgetide
