#include "sinks/http_reply.h"

#include <algorithm>

#include "sinks/http_url.h"

namespace edgetide {

namespace {

constexpr std::size_t max_words = 300;  // bytes of the server's

// In one line, with blanks for control characters.
std::string one_line(std::string_view text) {
  std::string line;
  for (const char c : text.substr(0, max_words)) {
    const bool is_control = static_cast<unsigned char>(c) < ' ' || c == 0x7F;
    if (!is_control) line += c;
    if (is_control && !line.empty() && line.back() != ' ') line += ' ';
  }
  return line;
}

std::string target_of(const std::string& location, bool shows_redirects) {
  if (shows_redirects) return one_line(location.substr(0, location.find('?')));
  const std::optional<HttpUrl> url = parse_http_url(location);
  return url ? url->server() : "another path";
}

}  // namespace

HttpVerdict verdict_of(const HttpReply& answer) noexcept {
  const int status = answer.status;
  if (!answer.error.empty()) return answer.needs_person ? HttpVerdict::needs_person : HttpVerdict::try_again;
  if (status >= 200 && status < 300) return HttpVerdict::stored;
  if (status == 400 || status == 413 || status == 422) return HttpVerdict::content_refused;
  // 409: the same key is being worked on, 425: too early. Both pass.
  const bool passes = status == 408 || status == 409 || status == 421 || status == 425 || status == 429;
  return passes || status >= 500 || status < 200 ? HttpVerdict::try_again : HttpVerdict::needs_person;
}

std::string describe(const HttpReply& answer, bool shows_redirects) {
  if (!answer.error.empty()) return one_line(answer.error);
  std::string text = "HTTP " + std::to_string(answer.status);
  if (!answer.location.empty()) {
    return text + ": it is redirected to " + target_of(answer.location, shows_redirects) + "; write that as the url";
  }
  const std::string words = one_line(answer.text);
  return words.empty() ? text : text + ": " + words;
}

}  // namespace edgetide
