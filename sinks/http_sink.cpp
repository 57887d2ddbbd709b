#include "sinks/http_sink.h"

#include <algorithm>
#include <cstdio>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "pipeline/name_hash.h"
#include "sinks/gzip_text.h"
#include "sinks/http_body.h"
#include "sinks/http_client.h"
#include "sinks/http_url.h"
#include "sinks/refused_tables.h"

namespace edgetide {

namespace {

constexpr Duration longest_wait = Duration::minutes(5);  // that a server may ask for
// Of a window, before any is accepted. As many are then tried from the other end, before it counts as refusing all.
constexpr std::size_t max_unproven = 16;

class HttpSink final : public Sink {
 public:
  HttpSink(HttpSinkOptions options, SinkIdentity identity, std::vector<WindowSchema> inputs)
      : options_(std::move(options)),
        identity_(std::move(identity)),
        inputs_(inputs),
        server_(parse_http_url(options_.url).value_or(HttpUrl{}).server()),
        body_(options_.encoding, std::move(inputs)),
        client_(options_),
        refused_(inputs_.size()),
        unproven_(inputs_.size()) {}

  Outcome open() override { return Delivered{}; }
  Outcome deliver(const RowBatch& batch) override;
  LastEpoch last_epoch() override { return last_epoch_; }
  void close() noexcept override { client_.resume(); }
  void interrupt() noexcept override { client_.interrupt(); }

 private:
  // Where a row stands in its batch.
  struct Place {
    std::size_t input;
    const SinkRow* row;
  };

  void begin(const RowBatch& batch);
  RowRange next();
  HttpReply send(const RowBatch& batch, RowRange range);
  void halve(RowRange range);
  void accept(RowRange range);
  void refuse(RowRange range, const std::string& reason);
  bool refuses_all() const;
  std::string key_of(const RowBatch& batch, RowRange range, const std::string& body) const;
  Outcome failed(const RowBatch& batch, const HttpReply& answer, RowRange range);
  std::string said(const HttpReply& answer) const {
    return server_ + ": " + describe(answer, options_.shows_redirects);
  }

  const HttpSinkOptions options_;
  const SinkIdentity identity_;
  const std::vector<WindowSchema> inputs_;
  const std::string server_;
  HttpBody body_;
  HttpClient client_;
  std::optional<EpochId> last_epoch_;
  // The request without an answer: it is sent again as it was.
  EpochId doubt_epoch_;
  RowRange doubt_;  // counted over the epoch; without rows: there is none
  // Of the batch that is being delivered.
  std::vector<Place> places_;  // of its rows
  std::deque<RowRange> left_;  // in their order
  std::size_t stored_ = 0;     // of its first rows
  std::vector<RejectedRow> rejected_;
  RefusedTables refused_;              // by window
  std::vector<std::size_t> unproven_;  // by window: rows that were refused before any was accepted
};

Outcome HttpSink::deliver(const RowBatch& batch) {
  if (last_epoch_ && *last_epoch_ >= batch.id) return Delivered{};
  begin(batch);
  while (!left_.empty()) {
    const RowRange range = next();
    const HttpReply answer = send(batch, range);
    switch (verdict_of(answer)) {
      case HttpVerdict::stored:
        accept(range);
        break;
      case HttpVerdict::content_refused:
        if (range.rows > 1) {
          halve(range);
        } else {
          refuse(range, describe(answer, options_.shows_redirects));
        }
        break;
      default:
        return failed(batch, answer, range);
    }
    if (!refuses_all()) continue;
    RetryAfter later =
        once_somebody_acts(server_ + " refuses every row, so they wait: " + describe(answer, options_.shows_redirects));
    later.rows_stored = stored_;
    return later;
  }
  if (batch.last_part) last_epoch_ = batch.id;
  return Delivered{std::move(rejected_)};
}

void HttpSink::begin(const RowBatch& batch) {
  body_.begin(batch);
  places_.clear();
  for (const WindowRows& window : batch.windows) {
    for (const SinkRow& row : window.rows) places_.push_back({window.input, &row});
  }
  stored_ = 0;
  rejected_.clear();
  refused_.begin();
  std::fill(unproven_.begin(), unproven_.end(), 0);
  left_.clear();
  const RowRange all{0, places_.size()};
  // The borders of the request in doubt, within this batch.
  const auto within = [&](std::size_t row) {
    return std::clamp(row, batch.first_row, batch.first_row + all.rows) - batch.first_row;
  };
  const bool is_in_doubt = doubt_.rows > 0 && doubt_epoch_ == batch.id;
  const std::size_t from = is_in_doubt ? within(doubt_.first) : 0, to = is_in_doubt ? within(doubt_.end()) : all.rows;
  for (const auto& [first, end] : {std::pair(all.first, from), std::pair(from, to), std::pair(to, all.rows)}) {
    if (end > first) left_.push_back({first, end - first});
  }
}

// In their order; but a window that has refused so many that it may refuse all is tried from the other end.
RowRange HttpSink::next() {
  RowRange range = left_.front();
  const std::size_t input = places_[range.first].input;
  if (unproven_[input] < max_unproven) {
    left_.pop_front();
    return range;
  }
  // The last row of this window that is left; all windows before it are done.
  std::size_t place = left_.size();
  while (place > 0 && places_[left_[place - 1].first].input != input) --place;
  RowRange& last = left_[place - 1];
  std::size_t row = last.end();
  while (places_[row - 1].input != input) --row;
  const RowRange behind{row, last.end() - row};
  last.rows = row - 1 - last.first;
  const auto position = left_.begin() + static_cast<std::ptrdiff_t>(place);
  if (behind.rows > 0) left_.insert(position, behind);
  std::erase_if(left_, [](const RowRange& one) { return one.rows == 0; });
  return {row - 1, 1};
}

HttpReply HttpSink::send(const RowBatch& batch, RowRange range) {
  std::string body = body_.of(range);
  if (body.size() > options_.max_bytes && range.rows > 1) return {.status = 413};
  const std::string key = key_of(batch, range, body);
  if (options_.gzip) body = gzipped(body);
  return client_.send(body, key);
}

std::string HttpSink::key_of(const RowBatch& batch, RowRange range, const std::string& body) const {
  const std::uint64_t hash = NameHash(0).wide(NameHash::lengths_of({}, body), {}, body);
  char numbers[128];
  std::snprintf(numbers, sizeof numbers, "-%016llx-%llu-%llu-%zu-%zu-%016llx",
                static_cast<unsigned long long>(identity_.state_id), static_cast<unsigned long long>(batch.id.run),
                static_cast<unsigned long long>(batch.id.epoch), batch.first_row + range.first, range.rows,
                static_cast<unsigned long long>(hash));
  return identity_.gateway + '-' + identity_.sink + numbers;
}

void HttpSink::halve(RowRange range) {
  const std::size_t half = range.rows / 2;
  left_.push_front({range.first + half, range.rows - half});
  left_.push_front({range.first, half});
}

void HttpSink::accept(RowRange range) {
  if (stored_ == range.first) stored_ = range.end();
  for (std::size_t row = range.first; row < range.end(); ++row) {
    refused_.accept(places_[row].input);
    unproven_[places_[row].input] = 0;
  }
}

void HttpSink::refuse(RowRange range, const std::string& reason) {
  const auto& [input, row] = places_[range.first];
  refused_.refuse(input, *row->series, reason);
  if (!refused_.accepts_some(input)) ++unproven_[input];
  rejected_.push_back({inputs_[input].name, row->series->sensor, row->series->metric, row->start, reason});
}

// Of a window whose rows are all done, or of which so many were refused from both ends.
bool HttpSink::refuses_all() const {
  for (std::size_t input = 0; input < inputs_.size(); ++input) {
    if (!refused_.refuses_all(input)) continue;
    const bool has_more = std::any_of(left_.begin(), left_.end(), [&](const RowRange& range) {
      const auto from = places_.begin() + static_cast<std::ptrdiff_t>(range.first);
      return std::any_of(from, from + static_cast<std::ptrdiff_t>(range.rows),
                         [&](const Place& place) { return place.input == input; });
    });
    if (!has_more || unproven_[input] >= 2 * max_unproven) return true;
  }
  return false;
}

Outcome HttpSink::failed(const RowBatch& batch, const HttpReply& answer, RowRange range) {
  doubt_epoch_ = batch.id;
  doubt_ = {batch.first_row + range.first, range.rows};
  const bool needs_person = verdict_of(answer) == HttpVerdict::needs_person;
  const Duration asked = std::min(answer.retry_after, longest_wait);
  return RetryAfter{.at_least = std::max(asked, needs_person ? until_somebody_acts : Duration()),
                    .reason = said(answer),
                    .rows_stored = stored_,
                    .needs_person = needs_person};
}

}  // namespace

std::string http_fault(const HttpSinkOptions& options) {
  const HttpReply reply = HttpClient(options).connect();
  if (reply.error.empty()) return {};
  return parse_http_url(options.url).value_or(HttpUrl{}).server() + ": " + describe(reply, false);
}

std::unique_ptr<Sink> make_http_sink(HttpSinkOptions options, SinkIdentity identity, std::vector<WindowSchema> inputs) {
  return std::make_unique<HttpSink>(std::move(options), std::move(identity), std::move(inputs));
}

}  // namespace edgetide
