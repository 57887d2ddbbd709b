#include "daemon/sources/http_intake.h"

#include <algorithm>
#include <new>
#include <utility>

#include "daemon/decoders/influx_decoder.h"
#include "daemon/decoders/message_fingerprint.h"
#include "daemon/service/clock.h"
#include "daemon/sources/gunzip.h"
#include "daemon/sources/http_target.h"
#include "daemon/sources/turned_away_text.h"

namespace edgetide {

namespace {

constexpr std::string_view influx_2_path = "/api/v2/write", influx_1_path = "/write";

HttpApi api_of(std::string_view path) noexcept {
  if (path == influx_2_path) return HttpApi::influx_2;
  return path == influx_1_path ? HttpApi::influx_1 : HttpApi::plain;
}

std::vector<TopicPattern> patterns_of(const std::vector<RouteOptions>& routes) {
  std::vector<TopicPattern> patterns;
  for (const RouteOptions& route : routes) patterns.emplace_back(route.topic);
  return patterns;
}

}  // namespace

std::vector<RouteOptions> with_influx_routes(const HttpSourceOptions& options) {
  std::vector<RouteOptions> routes = options.routes;
  if (!options.influx) return routes;
  for (const std::string_view path : {influx_2_path, influx_1_path}) {
    RouteOptions route{.topic = std::string(path), .mapping = {}};
    route.mapping.format = &influx_format;
    route.mapping.time.format = TimeFormat::unix_ns;
    route.mapping.max_id_bytes = options.max_id_bytes;
    routes.push_back(std::move(route));
  }
  return routes;
}

struct HttpIntake::Body final : HttpNote {
  HttpApi api = HttpApi::plain;
  std::string topic;
  std::optional<TimeFormat> time_format;
  std::optional<HttpKeyMemory::Key> key;
  std::uint64_t hash = 0;  // of the body; only with a key
  HttpOutcome outcome;
  bool is_repeated = false;  // of a request before
  Time give_up_at{};
};

HttpIntake::HttpIntake(const HttpSourceOptions& options, SourceId id, SourceHost& host, Offer offer)
    : options_(options),
      id_(id),
      host_(host),
      offer_(std::move(offer)),
      admission_(options),
      paths_(patterns_of(with_influx_routes(options))),
      router_(with_influx_routes(options)) {}

void HttpIntake::restore(std::span<const StoredPosition> positions) {
  for (const StoredPosition& known : positions) {
    router_.restore_state(known.partition, known.bytes);
    keys_.restore(known.partition, known.bytes, {wall_time(), host_.running()});
  }
}

HttpIntake::Body& HttpIntake::body_of(HttpRequest& request) noexcept {
  return static_cast<Body&>(*request.note);
}

// ---- peers

void HttpIntake::turned_away(HttpTurnedAway why, const sockaddr_storage& peer) noexcept {
  if (why == HttpTurnedAway::not_allowed) return count(Refusal::unauthorised, to_text(peer));
  const TurnedAway reason = why == HttpTurnedAway::idle              ? TurnedAway::idle
                            : why == HttpTurnedAway::descriptors     ? TurnedAway::descriptors
                            : why == HttpTurnedAway::max_connections ? TurnedAway::max_connections
                                                                     : TurnedAway::max_connections_per_peer;
  host_.turned_away(id_, reason);
  ++turned_away_[static_cast<std::size_t>(reason)];
  if (!turned_away_notice_.due(std::chrono::steady_clock::now())) return;
  host_.notice(id_, turned_away_text(turned_away_));
  turned_away_ = {};
}

// ---- the head of a request

std::optional<HttpAnswer> HttpIntake::begin(HttpRequest& request) noexcept {
  if (options_.influx) {
    if (auto answer = answer_before_write(request)) return answer;
  }
  const HttpApi api = options_.influx ? api_of(request.path) : HttpApi::plain;
  if (auto no = admission_.refuse(request, api)) return refused(no->reason, request.path, std::move(no->answer));
  if (bodies_ >= options_.max_requests) return busy_answer(api, 1, "too many requests at once");
  if (auto answer = read_head(request, api)) return answer;
  ++bodies_;
  return std::nullopt;
}

bool HttpIntake::has_route(std::string_view topic) {
  return std::any_of(paths_.begin(), paths_.end(),
                     [&](const TopicPattern& path) { return path.match(topic, captures_); });
}

std::optional<HttpAnswer> HttpIntake::read_head(HttpRequest& request, HttpApi api) {
  auto body = std::make_unique<Body>();
  body->api = api;
  const std::optional<std::string> topic = topic_of_path(request.path);
  if (!topic) return refused(Refusal::bad_id, request.path, error_answer(api, 400, "the path is not well-formed"));
  if (!has_route(*topic)) return refused(Refusal::no_route, *topic, error_answer(api, 404, "no route has this path"));
  body->topic = *topic;
  if (request.method != "POST" && request.method != "PUT") {
    HttpAnswer answer = error_answer(api, 405, "POST and PUT only");
    answer.headers.emplace_back("Allow", "POST, PUT");
    return answer;
  }
  if (api != HttpApi::plain) {
    body->time_format = time_format_of_precision(request.argument("precision").value_or("ns"));
    if (!body->time_format) return error_answer(api, 400, "precision is one of ns, us, ms, s, m, h");
  }
  if (const auto key = request.header("Idempotency-Key")) {
    if (key->empty() || key->size() > HttpKeyMemory::max_key_bytes) {
      return error_answer(api, 400, "Idempotency-Key has 1 to 255 bytes");
    }
    body->key = HttpKeyMemory::key_of(request.path, *key);
  }
  request.note = std::move(body);
  return std::nullopt;
}

// ---- the body

std::optional<HttpAnswer> HttpIntake::complete(HttpRequest& request) noexcept {
  if (auto answer = unpack(request)) return answer;
  completing_ = &request;
  if (!is_known(request)) {
    if (const auto& key = body_of(request).key) keys_under_way_.insert(*key);
    body_of(request).give_up_at = std::chrono::steady_clock::now() + busy_wait;
    queue_.push_back(&request);
    offer_next();
  }
  completing_ = nullptr;
  return std::exchange(at_once_, std::nullopt);
}

std::optional<HttpAnswer> HttpIntake::unpack(HttpRequest& request) {
  if (!is_packed(request)) return std::nullopt;
  std::string plain;
  const Gunzipped result = gunzip(request.body, options_.max_body_bytes, plain);
  if (result == Gunzipped::too_large) return too_large(request);
  if (result == Gunzipped::bad) {
    return refused(Refusal::bad_syntax, body_of(request).topic,
                   error_answer(body_of(request).api, 400, "the body is not gzip, or is cut off"));
  }
  request.body = std::move(plain);
  return std::nullopt;
}

HttpAnswer HttpIntake::too_large(HttpRequest& request) noexcept {
  const HttpApi api = request.note == nullptr ? HttpApi::plain : body_of(request).api;
  return refused(Refusal::too_large, request.path,
                 error_answer(api, 413, "a body has at most " + std::to_string(options_.max_body_bytes) + " bytes"));
}

// True: its key is, and it is answered, now or when what it stands for is durable.
bool HttpIntake::is_known(HttpRequest& request) {
  Body& body = body_of(request);
  if (!body.key) return false;
  body.hash = wide_hash_of(request.body)[0];
  const HttpKeyMemory::Entry* const known = keys_.find(*body.key, host_.running());
  if (known == nullptr) {
    if (!keys_under_way_.contains(*body.key)) return false;
    HttpAnswer answer = error_answer(body.api, 409, "a request with this Idempotency-Key is under way");
    answer.headers.emplace_back("Retry-After", "1");
    body.key.reset();  // it is the other's
    give(request, std::move(answer));
  } else if (known->body != body.hash) {
    give(request, error_answer(body.api, 422, "this Idempotency-Key was used for another body"));
  } else {
    body.outcome = known->outcome;
    body.is_repeated = true;
    known->record > durable_ ? waiting_.push_back({&request, known->record}) : answer(request);
  }
  return true;
}

// Batches are offered in the order of their requests; one that is held is offered again first.
void HttpIntake::offer_next() {
  while (!queue_.empty()) {
    if (!std::exchange(is_offered_, true)) decode(*queue_.front());
    Acceptance acceptance{Acceptance::Answer::taken, 0};
    if (batch_.empty()) {
      host_.nothing_decoded(id_, batch_);
    } else {
      acceptance = offer_(batch_);
    }
    if (acceptance.answer == Acceptance::Answer::held) return;
    settle(acceptance);
  }
}

// A body that makes a decoder throw would come again and again: it is refused. Without memory the process ends.
void HttpIntake::decode(HttpRequest& request) {
  Body& body = body_of(request);
  batch_.clear();
  try {
    router_.decode({.topic = body.topic,
                    .payload = request.body,
                    .content_type = request.header("Content-Type").value_or(""),
                    .time_format = body.time_format,
                    .max_bytes = options_.max_body_bytes,
                    .max_values = max_values_per_body},
                   batch_);
  } catch (const std::bad_alloc&) {
    throw;
  } catch (...) {
    batch_.clear();
    batch_.refuse_unseen(Refusal::bad_syntax, body.topic);
    batch_.note_undecoded(Refusal::bad_syntax, body.topic, request.body);
  }
  body.outcome = outcome_of(batch_, request.body);
  if (!body.key || batch_.empty()) return;
  entry_ = {.key = *body.key, .body = body.hash, .at = host_.running(), .outcome = body.outcome};
  batch_.end_message({}, false, keys_.position_of(entry_));
}

// What the first of the queue was answered by the host.
void HttpIntake::settle(const Acceptance& acceptance) {
  HttpRequest& request = take_front();
  const Body& body = body_of(request);
  if (!acceptance.is_taken()) {
    return give(request, busy_answer(body.api, 1, "the gateway is stopping, or changes its configuration"));
  }
  if (body.key && !batch_.empty()) {
    entry_.record = acceptance.record;
    keys_.add(entry_);
  }
  request.body = {};
  acceptance.record > durable_ ? waiting_.push_back({&request, acceptance.record}) : answer(request);
}

HttpRequest& HttpIntake::take_front() {
  HttpRequest& request = *queue_.front();
  queue_.pop_front();
  is_offered_ = false;
  if (const auto& key = body_of(request).key) keys_under_way_.erase(*key);
  return request;
}

void HttpIntake::answer(HttpRequest& request) {
  const Body& body = body_of(request);
  HttpAnswer answer = answer_to(body.outcome, body.api);
  if (body.is_repeated) answer.headers.emplace_back("Idempotent-Replayed", "true");
  give(request, std::move(answer));
}

void HttpIntake::give(HttpRequest& request, HttpAnswer answer) {
  if (&request == completing_) {
    at_once_ = std::move(answer);
  } else {
    listener_->answer(request, std::move(answer));
  }
}

void HttpIntake::ended(HttpRequest& request) noexcept {
  if (request.note == nullptr) return;
  --bodies_;
  std::erase_if(waiting_, [&](const Waiting& one) { return one.request == &request; });
  const auto queued = std::find(queue_.begin(), queue_.end(), &request);
  if (queued == queue_.end()) return;
  if (const auto& key = body_of(request).key) keys_under_way_.erase(*key);
  if (queued == queue_.begin()) is_offered_ = false;  // the next is offered when there is room
  queue_.erase(queued);
}

// ---- what the host says

void HttpIntake::durable(std::uint64_t through) {
  durable_ = std::max(durable_, through);
  std::vector<HttpRequest*> answered;
  std::erase_if(waiting_, [&](const Waiting& one) {
    if (one.record > durable_) return false;
    answered.push_back(one.request);
    return true;
  });
  for (HttpRequest* const request : answered) answer(*request);
}

std::optional<HttpIntake::Time> HttpIntake::deadline() const noexcept {
  return queue_.empty() ? std::nullopt : std::optional(body_of(*queue_.front()).give_up_at);
}

void HttpIntake::check_deadlines(Time now) {
  while (!queue_.empty() && now >= body_of(*queue_.front()).give_up_at) {
    HttpRequest& request = take_front();
    give(request, busy_answer(body_of(request).api, 5, "the gateway cannot take readings now"));
  }
  if (!is_offered_) offer_next();
}

// ---- what is refused before it is decoded is counted as the readings of a source are

HttpAnswer HttpIntake::refused(Refusal why, std::string_view where, HttpAnswer answer) {
  count(why, where);
  return answer;
}

void HttpIntake::count(Refusal why, std::string_view where) {
  refusals_.clear();
  ++refusals_.message_count;
  refusals_.refuse_unseen(why, refusals_.keep(where));
  offer_(refusals_);
}

}  // namespace edgetide
