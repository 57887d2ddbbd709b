// A source that is started again until it runs: an address that is in use, a socket folder that is missing or a
// certificate that cannot be read costs that source, and only for as long as it lasts.
//
// Meanwhile the source is impaired, with the reason. Between tries it waits 1 s, then twice as long each time, up to
// 30 s (backoff.h, without jitter: what it waits for is on this machine).
//
// Owns:   the source. Thread: the gateway's main thread. Units: running time.
// Fails:  never.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "daemon/sources/source.h"
#include "pipeline/time.h"

namespace edgetide {

class RetriedSource {
 public:
  RetriedSource(std::string name, SourceId id, SourceHost& host, std::unique_ptr<Source> source)
      : name_(std::move(name)), id_(id), host_(host), source_(std::move(source)) {}

  const std::string& name() const noexcept { return name_; }

  // Starts the source, if it does not run and a try is due.
  void start_if_due(Duration now);
  // Nothing: it runs.
  std::optional<Duration> next_try() const noexcept { return next_try_; }
  void stop() noexcept { source_->stop(); }

 private:
  std::string name_;
  SourceId id_;
  SourceHost& host_;
  std::unique_ptr<Source> source_;
  std::optional<Duration> next_try_ = Duration();
  unsigned failures_ = 0;
};

}  // namespace edgetide
