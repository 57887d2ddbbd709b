#include "sinks/http_client.h"

#include <algorithm>
#include <atomic>
#include <curl/curl.h>
#include <initializer_list>
#include <mutex>
#include <new>
#include <system_error>

namespace edgetide {

namespace {

constexpr std::size_t max_read_bytes = 64 * 1024;
constexpr std::size_t kept_bytes = 1024;  // of a body: what a person is shown
constexpr int look_each_ms = 1000;

void begin_curl() {
  static std::once_flag begun;
  std::call_once(begun, [] {
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) throw std::bad_alloc();
  });
}

template <class Handle>
Handle* made(Handle* handle) {
  if (handle == nullptr) throw std::bad_alloc();
  return handle;
}

template <class Value>
void set(CURL* easy, CURLoption option, Value value) {
  // Of options that libcurl knows, only what is copied can fail.
  if (curl_easy_setopt(easy, option, value) == CURLE_OUT_OF_MEMORY) throw std::bad_alloc();
}

void set_text(CURL* easy, CURLoption option, const std::string& text) {
  if (!text.empty()) set(easy, option, text.c_str());
}

std::string_view content_type(HttpEncoding encoding) noexcept {
  switch (encoding) {
    case HttpEncoding::json:
      return "application/json";
    case HttpEncoding::json_lines:
      return "application/x-ndjson";
    case HttpEncoding::influx:
      return "text/plain; charset=utf-8";
    case HttpEncoding::csv:
      return "text/csv; charset=utf-8";
  }
  return {};
}

// What a person has to put right: waiting alone does not.
bool needs_person_for(CURLcode code) noexcept {
  const std::initializer_list<CURLcode> codes = {
      CURLE_URL_MALFORMAT,   CURLE_UNSUPPORTED_PROTOCOL, CURLE_PEER_FAILED_VERIFICATION,
      CURLE_SSL_CERTPROBLEM, CURLE_SSL_CACERT_BADFILE,   CURLE_SSL_ISSUER_ERROR,
      CURLE_SSL_CIPHER,      CURLE_LOGIN_DENIED};
  return std::find(codes.begin(), codes.end(), code) != codes.end();
}

// What is received of one answer.
struct Received {
  HttpReply answer;
  bool has_whole_head = false;  // libcurl takes one that breaks off
  std::size_t header_bytes = 0;
  std::size_t body_bytes = 0;
  bool is_cut = false;  // by us, the body being too long
};

std::size_t take_header(char* bytes, std::size_t one, std::size_t count, void* to) {
  auto& received = *static_cast<Received*>(to);
  const std::string_view line(bytes, one * count);
  if (line.starts_with("HTTP/")) received.has_whole_head = false;  // of an answer behind 100 Continue
  if (line == "\r\n" || line == "\n") received.has_whole_head = true;
  received.header_bytes += line.size();
  return received.header_bytes <= max_read_bytes ? line.size() : 0;
}

std::size_t take_body(char* bytes, std::size_t one, std::size_t count, void* to) {
  auto& received = *static_cast<Received*>(to);
  const std::size_t size = one * count, kept = received.answer.text.size();
  received.answer.text.append(bytes, std::min(size, kept_bytes - std::min(kept_bytes, kept)));
  received.body_bytes += size;
  received.is_cut = received.body_bytes > max_read_bytes;
  return received.is_cut ? 0 : size;
}

}  // namespace

class HttpClient::Connection {
 public:
  explicit Connection(const HttpSinkOptions& options) : options_(options) {
    begin_curl();
    multi_.reset(made(curl_multi_init()));
    easy_.reset(made(curl_easy_init()));
    set_up();
    set_up_trust();
  }

  HttpReply send(std::string_view body, const std::string& idempotency_key);
  HttpReply connect();
  void interrupt() noexcept {
    interrupted_ = true;
    curl_multi_wakeup(multi_.get());
  }
  void resume() noexcept { interrupted_ = false; }

 private:
  struct EndMulti {
    void operator()(CURLM* multi) const noexcept { curl_multi_cleanup(multi); }
  };
  struct EndEasy {
    void operator()(CURL* easy) const noexcept { curl_easy_cleanup(easy); }
  };
  struct EndList {
    void operator()(curl_slist* list) const noexcept { curl_slist_free_all(list); }
  };
  using List = std::unique_ptr<curl_slist, EndList>;

  void set_up();
  void set_up_trust();
  List headers(const std::string& idempotency_key) const;
  CURLcode transfer();
  void finish(CURLcode code, Received& received) const;
  void read_head(HttpReply& answer) const;

  const HttpSinkOptions& options_;
  std::atomic<bool> interrupted_ = false;
  std::unique_ptr<CURLM, EndMulti> multi_;
  std::unique_ptr<CURL, EndEasy> easy_;  // is removed from `multi_` before either ends
  char error_[CURL_ERROR_SIZE] = {};
};

void HttpClient::Connection::set_up() {
  CURL* const easy = easy_.get();
  set_text(easy, CURLOPT_URL, options_.url);
  set(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  set(easy, CURLOPT_HTTP_VERSION, long{CURL_HTTP_VERSION_1_1});
  set(easy, CURLOPT_FOLLOWLOCATION, 0L);
  set(easy, CURLOPT_POST, 1L);
  if (options_.put) set(easy, CURLOPT_CUSTOMREQUEST, "PUT");
  // Without these the environment would be asked.
  set(easy, CURLOPT_PROXY, options_.proxy.c_str());
  set(easy, CURLOPT_NOPROXY, "");
  set_text(easy, CURLOPT_USERNAME, options_.username);
  set_text(easy, CURLOPT_PASSWORD, options_.password);
  set(easy, CURLOPT_NOSIGNAL, 1L);
  set(easy, CURLOPT_QUICK_EXIT, 1L);  // a resolver that does not answer is not waited for
  set(easy, CURLOPT_TIMEOUT_MS, static_cast<long>(options_.timeout.count() / 1000));
  set(easy, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(options_.timeout.count() / 1000));
  set(easy, CURLOPT_TCP_KEEPALIVE, 1L);
  set(easy, CURLOPT_ERRORBUFFER, error_);
  set(easy, CURLOPT_HEADERFUNCTION, &take_header);
  set(easy, CURLOPT_WRITEFUNCTION, &take_body);
}

void HttpClient::Connection::set_up_trust() {
  CURL* const easy = easy_.get();
  set(easy, CURLOPT_SSLVERSION, long{CURL_SSLVERSION_TLSv1_2});
  set(easy, CURLOPT_SSL_VERIFYPEER, 1L);
  set(easy, CURLOPT_SSL_VERIFYHOST, 2L);
  if (!options_.ca.empty()) {
    set_text(easy, CURLOPT_CAINFO, options_.ca);
    set(easy, CURLOPT_CAPATH, static_cast<char*>(nullptr));  // and no other authorities
  }
  set_text(easy, CURLOPT_SSLCERT, options_.cert);
  set_text(easy, CURLOPT_SSLKEY, options_.key);
}

HttpClient::Connection::List HttpClient::Connection::headers(const std::string& idempotency_key) const {
  List list;
  const auto add = [&list](const std::string& line) {
    curl_slist* const longer = made(curl_slist_append(list.get(), line.c_str()));
    static_cast<void>(list.release());
    list.reset(longer);
  };
  const auto add_unless_given = [&](const char* name, std::string_view value) {
    const bool is_given = std::any_of(options_.headers.begin(), options_.headers.end(), [&](const HttpHeader& header) {
      return curl_strequal(header.name.c_str(), name) != 0;
    });
    if (!is_given) add(std::string(name) + ": " + std::string(value));
  };
  add_unless_given("Content-Type", content_type(options_.encoding));
  add_unless_given("User-Agent", "edgetide");
  add("Idempotency-Key: " + idempotency_key);
  add("Expect:");  // a server that does not know it would cost a second
  if (options_.gzip) add("Content-Encoding: gzip");
  const bool is_influx = options_.encoding == HttpEncoding::influx;
  if (!options_.token.empty()) add((is_influx ? "Authorization: Token " : "Authorization: Bearer ") + options_.token);
  for (const HttpHeader& header : options_.headers) add(header.name + ": " + header.value);
  return list;
}

HttpReply HttpClient::Connection::send(std::string_view body, const std::string& idempotency_key) {
  Received received;
  const auto list = headers(idempotency_key);
  CURL* const easy = easy_.get();
  set(easy, CURLOPT_HTTPHEADER, list.get());
  set(easy, CURLOPT_POSTFIELDS, body.data());
  set(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
  set(easy, CURLOPT_HEADERDATA, &received);
  set(easy, CURLOPT_WRITEDATA, &received);
  error_[0] = '\0';
  if (curl_multi_add_handle(multi_.get(), easy) != CURLM_OK) throw std::bad_alloc();
  const CURLcode code = transfer();
  if (!interrupted_) finish(code, received);
  curl_multi_remove_handle(multi_.get(), easy);
  if (interrupted_) received.answer = {.error = "interrupted"};
  return std::move(received.answer);
}

HttpReply HttpClient::Connection::connect() {
  Received received;
  CURL* const easy = easy_.get();
  set(easy, CURLOPT_CONNECT_ONLY, 1L);
  if (curl_multi_add_handle(multi_.get(), easy) != CURLM_OK) throw std::bad_alloc();
  const CURLcode code = transfer();
  if (code != CURLE_OK) finish(code, received);
  curl_multi_remove_handle(multi_.get(), easy);
  set(easy, CURLOPT_CONNECT_ONLY, 0L);
  return std::move(received.answer);
}

CURLcode HttpClient::Connection::transfer() {
  int running = 1;
  while (!interrupted_) {
    if (curl_multi_perform(multi_.get(), &running) != CURLM_OK || running == 0) break;
    curl_multi_poll(multi_.get(), nullptr, 0, look_each_ms, nullptr);
  }
  int left = 0;
  const CURLMsg* const done = curl_multi_info_read(multi_.get(), &left);
  return done != nullptr && done->msg == CURLMSG_DONE ? done->data.result : CURLE_RECV_ERROR;
}

void HttpClient::Connection::finish(CURLcode code, Received& received) const {
  HttpReply& answer = received.answer;
  if (received.has_whole_head && (code == CURLE_OK || received.is_cut)) return read_head(answer);
  answer = {.error = error_[0] != '\0' ? error_ : curl_easy_strerror(code), .needs_person = needs_person_for(code)};
  long cause = 0;
  curl_easy_getinfo(easy_.get(), CURLINFO_OS_ERRNO, &cause);
  if (code == CURLE_COULDNT_CONNECT && cause != 0) {
    answer.error = "cannot connect: " + std::generic_category().message(static_cast<int>(cause));
  } else if (received.header_bytes > max_read_bytes) {
    answer.error = "the headers of the answer are too long";
  } else if (code == CURLE_OK) {
    answer.error = "the answer breaks off in its headers";
  }
}

void HttpClient::Connection::read_head(HttpReply& answer) const {
  long status = 0;
  curl_off_t seconds = 0;
  char* location = nullptr;
  curl_easy_getinfo(easy_.get(), CURLINFO_RESPONSE_CODE, &status);
  curl_easy_getinfo(easy_.get(), CURLINFO_RETRY_AFTER, &seconds);
  curl_easy_getinfo(easy_.get(), CURLINFO_REDIRECT_URL, &location);
  answer.status = static_cast<int>(status);
  answer.retry_after = Duration::seconds(std::clamp<curl_off_t>(seconds, 0, 86'400));
  if (location != nullptr) answer.location = location;
}

HttpClient::HttpClient(const HttpSinkOptions& options) : connection_(std::make_unique<Connection>(options)) {}
HttpClient::~HttpClient() = default;

HttpReply HttpClient::send(std::string_view body, const std::string& idempotency_key) {
  return connection_->send(body, idempotency_key);
}
HttpReply HttpClient::connect() {
  return connection_->connect();
}
void HttpClient::interrupt() noexcept {
  connection_->interrupt();
}
void HttpClient::resume() noexcept {
  connection_->resume();
}

}  // namespace edgetide
