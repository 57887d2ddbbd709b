#include "daemon/sources/http_answers.h"

#include <algorithm>

namespace edgetide {

namespace {

constexpr const char* json_type = "application/json";

std::string_view influx_code(unsigned status) noexcept {
  switch (status) {
    case 401:
      return "unauthorized";
    case 403:
      return "forbidden";
    case 404:
      return "not found";
    case 405:
      return "method not allowed";
    case 409:
      return "conflict";
    case 413:
      return "request too large";
    case 422:
      return "unprocessable entity";
    case 503:
      return "unavailable";
    default:
      return "invalid";
  }
}

bool is_all_too_much(const HttpOutcome& outcome) noexcept {
  return outcome.accepted == 0 && outcome.refused == 1 &&
         (outcome.reason == Refusal::too_large || outcome.reason == Refusal::too_many_values);
}

std::string place_of(const HttpOutcome& outcome) {
  return std::string(name_of(outcome.reason)) + " at byte " + std::to_string(outcome.offset) + ", line " +
         std::to_string(outcome.line);
}

HttpAnswer influx_answer(const HttpOutcome& outcome, HttpApi api) {
  if (outcome.refused == 0) return {.status = 204};
  if (is_all_too_much(outcome)) return error_answer(api, 413, place_of(outcome));
  const std::string counts = std::to_string(outcome.refused) + " refused, " + std::to_string(outcome.accepted) +
                             " accepted; the first: " + place_of(outcome);
  return error_answer(api, 400, (outcome.accepted > 0 ? "partial write: " : "nothing was written: ") + counts);
}

}  // namespace

HttpOutcome outcome_of(const DecodedBatch& batch, std::string_view body) noexcept {
  HttpOutcome outcome{.accepted = static_cast<std::uint32_t>(batch.readings.size()),
                      .refused = static_cast<std::uint32_t>(batch.refusals.size())};
  if (batch.refusals.empty()) return outcome;
  const DecodedRefusal& first = batch.refusals.front();
  const std::string_view before = body.substr(0, first.offset);
  outcome.reason = first.reason;
  outcome.offset = first.offset;
  outcome.line = static_cast<std::uint32_t>(std::count(before.begin(), before.end(), '\n')) + 1;
  return outcome;
}

HttpAnswer answer_to(const HttpOutcome& outcome, HttpApi api) {
  if (api != HttpApi::plain) return influx_answer(outcome, api);
  HttpAnswer answer{.type = json_type};
  if (outcome.accepted == 0 && outcome.refused > 0) answer.status = is_all_too_much(outcome) ? 413 : 400;
  answer.body = "{\"accepted\":" + std::to_string(outcome.accepted) + ",\"refused\":" + std::to_string(outcome.refused);
  if (outcome.refused > 0) {
    answer.body += ",\"first_refusal\":{\"reason\":\"" + std::string(name_of(outcome.reason)) +
                   "\",\"offset\":" + std::to_string(outcome.offset) + ",\"line\":" + std::to_string(outcome.line) +
                   '}';
  }
  answer.body += "}\n";
  return answer;
}

HttpAnswer error_answer(HttpApi api, unsigned status, std::string_view text) {
  HttpAnswer answer{.status = status, .type = json_type};
  if (api == HttpApi::influx_2) {
    answer.body = "{\"code\":\"" + std::string(influx_code(status)) + "\",\"message\":\"" + std::string(text) + "\"}\n";
  } else {
    answer.body = "{\"error\":\"" + std::string(text) + "\"}\n";
  }
  if (api != HttpApi::plain) answer.headers.emplace_back("X-Influxdb-Error", text);
  return answer;
}

HttpAnswer busy_answer(HttpApi api, unsigned after_seconds, std::string_view text) {
  HttpAnswer answer = error_answer(api, 503, text);
  answer.headers.emplace_back("Retry-After", std::to_string(after_seconds));
  return answer;
}

}  // namespace edgetide
