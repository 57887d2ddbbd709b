// From requests to batches, and from what the host says to answers.
//
//   begin       who may send, where to, and in what form
//   complete    the body is decoded and offered, when those before it have been; one batch at a time
//   offer_again, durable, check_deadlines     what waits goes on
//
// Thread: the loop's. Owns: its requests' notes, the batch, the keys. Fails: construction, by std::invalid_argument for
//         errors of the configuration.
// Limit:  max_requests bodies at once; max_values_per_body values of one, of JSON no more than 256 KiB; busy_wait until
//         a request is answered 503; a key of max_key_bytes.
#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/decoders/route.h"
#include "daemon/service/http_listener.h"
#include "daemon/service/rare_notice.h"
#include "daemon/sources/http_admission.h"
#include "daemon/sources/http_answers.h"
#include "daemon/sources/http_key_memory.h"
#include "daemon/sources/http_source.h"
#include "daemon/sources/source.h"

namespace edgetide {

class HttpIntake final : public HttpService {
 public:
  using Time = std::chrono::steady_clock::time_point;
  static constexpr std::size_t max_values_per_body = 20'000;
  static constexpr std::chrono::seconds busy_wait{5};

  // Never waits, and holds nothing where nothing may wait.
  using Offer = std::function<Acceptance(const DecodedBatch&)>;
  HttpIntake(const HttpSourceOptions& options, SourceId id, SourceHost& host, Offer offer);

  // Before the first request. What the host has kept of this source.
  void restore(std::span<const StoredPosition> positions);
  // Whose requests they are; it lives as long as they do.
  void answer_through(HttpListener& listener) noexcept { listener_ = &listener; }

  bool lets_in(const sockaddr_storage& peer) noexcept override { return admission_.lets_in(peer); }
  void turned_away(HttpTurnedAway why, const sockaddr_storage& peer) noexcept override;
  std::optional<HttpAnswer> begin(HttpRequest& request) noexcept override;
  std::optional<HttpAnswer> complete(HttpRequest& request) noexcept override;
  HttpAnswer too_large(HttpRequest& request) noexcept override;
  void ended(HttpRequest& request) noexcept override;

  void offer_again() { offer_next(); }
  void durable(std::uint64_t through);

  // The next time that `check_deadlines` has something to do.
  std::optional<Time> deadline() const noexcept;
  void check_deadlines(Time now);

 private:
  struct Body;
  struct Waiting {
    HttpRequest* request;
    std::uint64_t record;
  };

  static Body& body_of(HttpRequest& request) noexcept;
  std::optional<HttpAnswer> read_head(HttpRequest& request, HttpApi api);
  bool has_route(std::string_view topic);
  std::optional<HttpAnswer> unpack(HttpRequest& request);
  bool is_known(HttpRequest& request);
  void offer_next();
  void decode(HttpRequest& request);
  void settle(const Acceptance& acceptance);
  void answer(HttpRequest& request);
  void give(HttpRequest& request, HttpAnswer answer);
  HttpRequest& take_front();
  HttpAnswer refused(Refusal why, std::string_view where, HttpAnswer answer);
  void count(Refusal why, std::string_view where);

  const HttpSourceOptions options_;
  const SourceId id_;
  SourceHost& host_;
  const Offer offer_;
  const HttpAdmission admission_;
  std::vector<TopicPattern> paths_;  // of the routes
  Router router_;
  HttpListener* listener_ = nullptr;

  std::size_t bodies_ = 0;          // requests whose bodies are read, or wait
  std::deque<HttpRequest*> queue_;  // complete, not taken yet
  bool is_offered_ = false;         // the batch is that of the first, and was not taken
  std::vector<Waiting> waiting_;    // taken, to be answered when durable
  std::uint64_t durable_ = 0;
  HttpRequest* completing_ = nullptr;  // in `complete`
  std::optional<HttpAnswer> at_once_;  // its answer
  HttpKeyMemory keys_;
  std::set<HttpKeyMemory::Key> keys_under_way_;
  HttpKeyMemory::Entry entry_;  // of the batch
  DecodedBatch batch_, refusals_;
  std::vector<Capture> captures_;
  TurnedAwayCounts turned_away_{};  // since the last notice
  RareNotice turned_away_notice_;
};

}  // namespace edgetide
