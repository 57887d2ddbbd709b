// [sinks.NAME] with type = "http".
#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/key_spec.h"
#include "config/parts.h"
#include "config/tls_keys.h"
#include "daemon/service/host_port.h"
#include "pipeline/characters.h"
#include "sinks/http_sink.h"
#include "sinks/http_url.h"

namespace edgetide {

namespace {

constexpr EnumWord<bool> http_method_words[] = {{false, "POST"}, {true, "PUT"}};

const KeyGroup& http_sink_tls_keys() {
  using namespace keys;
  static const KeyGroup group = on_reload(
      OnReload::new_sink,
      {"[sinks.NAME.tls] with type = \"http\"",
       "Usually written as `tls = { ca = \"/etc/edgetide/tls/ca.pem\" }`. TLS is 1.2 or later, and the host name "
       "is checked.",
       tls_files()});
  return group;
}

std::vector<KeySpec> http_request_keys(const HttpSinkOptions& standard) {
  using namespace keys;
  return {
      required(text("url", "",
                    "The whole address with its query, such as "
                    "`https://influx.example:8086/api/v2/write?org=plant&bucket=rows`. A redirect is an error.")),
      word("method", http_method_words, standard.put, "The method of the requests."),
      word("encoding", http_encoding_words, standard.encoding,
           "The body. `json`: an array of objects. `json_lines`: an object on each line. `influx`: line protocol, with "
           "times in nanoseconds. `csv`: with a header."),
      of_type(ValueType::text_table, "headers", "{}",
              "Further headers, such as `{ X-Site = \"north\" }`. A value may be a secret: use `${credential:NAME}`. "
              "`Content-Type` may be written here too."),
      free_text(text("token", "",
                     "Sent as `Authorization: Bearer TOKEN`, with `encoding = \"influx\"` as `Token TOKEN`. A secret: "
                     "use `${credential:NAME}` or `${file:/PATH}`.")),
      text("username", "", "For basic authentication; with `password`."),
      free_text(text("password", "", "A secret, as `token`.")),
      boolean("gzip", standard.gzip,
              "Compresses the bodies, for a receiver that states it takes `Content-Encoding: gzip`."),
  };
}

KeyGroup http_sink_keys() {
  using namespace keys;
  const HttpSinkOptions standard;
  std::vector<KeySpec> specs = http_request_keys(standard);
  const std::vector<KeySpec> others = {
      duration("timeout", standard.timeout, Duration::milliseconds(100), Duration::minutes(5),
               "From the beginning of a request to the end of its answer."),
      integer("max_rows", static_cast<std::int64_t>(standard.max_rows), 1, 100'000, "Of one request."),
      size("max_bytes", standard.max_bytes, 1024, std::int64_t{64} << 20,
           "Of the body of one request, before `gzip`; a row that is longer stays whole."),
      of_type(ValueType::table, "tls", "", "For `https://`; see below."),
      boolean(
          "allow_plaintext", false,
          "Allows `http://` to other machines, or through a proxy on one: everybody on the way can read and change the "
          "rows, and read the token."),
      text(
          "proxy", "",
          "`http://proxy.example:3128`; through it `https://` stays encrypted from end to end, but the proxy reads all "
          "of `http://`. A password stands in here as in `http://user:${credential:NAME}@proxy.example:3128`; only "
          "with `https://` it is sent to the proxy encrypted. Without this key there is no proxy: variables such as "
          "`https_proxy` are not looked at."),
  };
  specs.insert(specs.end(), others.begin(), others.end());
  return on_reload(
      OnReload::new_sink,
      {"[sinks.NAME] with type = \"http\"",
       "A request has the rows of one epoch and an `Idempotency-Key`, so that a receiver can count one that is sent "
       "again once; the source `http` does, and InfluxDB replaces the same points. 2xx: stored. 429, 5xx and no "
       "answer: "
       "sent again, after `Retry-After`, 5 min at most. 400, 413, 422: sent in halves, until the rows that are refused "
       "stand alone; they are set aside and counted. Where all rows of several series are refused, and at any other "
       "answer, they wait, and the log says why.",
       std::move(specs)});
}

// It may be shown: it is written as it is.
bool is_written(const Section& section, std::string_view key) {
  const Node* const node = section.find(key);
  return node != nullptr && node->known && node->text == node->written;
}
bool is_known_text(const Section& section, std::string_view key) {
  const Node* const node = section.find(key);
  return node != nullptr && node->kind == Node::Kind::text && node->known;
}

// Of nanoseconds, which the line protocol has here. InfluxDB's versions name it differently.
void check_precision(const Section& section, const HttpUrl& url) {
  const auto precision = url.parameter("precision");
  if (!precision || *precision == "ns" || *precision == "n") return;
  section.error("url", "url has a precision, but the times of encoding = \"influx\" are in nanoseconds",
                "leave precision out, or write precision=ns");
}

constexpr const char* plaintext_remedy = "use https://, or allow_plaintext = true";

void read_url(const Section& section, HttpSinkOptions& options) {
  section.read("url", options.url);
  if (!is_known_text(section, "url")) return;
  const std::optional<HttpUrl> url = parse_http_url(options.url);
  if (!url) {
    Location location = section.location("url");
    location.secret = !is_written(section, "url");
    return section.error_at(location, "url is not an address of http:// or https://",
                            "such as \"https://influx.example:8086/api/v2/write?org=plant&bucket=rows\"; user and "
                            "password are keys, special characters are %XX");
  }
  options.shows_redirects = is_written(section, "url");
  if (!url->encrypted && !options.allow_plaintext && !is_loopback_host(url->host)) {
    section.error("url", "url would send everything readable over the network", plaintext_remedy);
  }
  if (options.encoding == HttpEncoding::influx) check_precision(section, *url);
}

bool is_header_name(std::string_view name) {
  const auto fits = [](char c) {
    return is_letter(c) || is_digit(c) || std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
  };
  return !name.empty() && name.size() <= 100 && std::all_of(name.begin(), name.end(), fits);
}
bool is_header_value(std::string_view value) {
  const auto fits = [](char c) { return (c >= ' ' && c < 0x7F) || !is_ascii(c); };
  return !value.empty() && value.size() <= 8192 && std::all_of(value.begin(), value.end(), fits);
}

// What the sink says itself.
bool is_ours(const std::string& name) {
  constexpr std::string_view ours[] = {
      "content-length", "transfer-encoding", "content-encoding", "idempotency-key", "connection", "expect", "host"};
  return std::find(std::begin(ours), std::end(ours), in_lower_case(name)) != std::end(ours);
}

void read_headers(const Section& section, HttpSinkOptions& options) {
  const Node* const table = section.table("headers");
  if (table == nullptr) return;
  const bool has_own_authorization = section.find("token") != nullptr || section.find("username") != nullptr;
  for (const Node& header : table->children) {
    if (header.kind != Node::Kind::text) {
      section.error_at(header.location, "headers: " + header.key + " is not a text in quotes");
    } else if (!is_header_name(header.key)) {
      section.error_at(header.key_location, "headers: '" + header.key + "' is not a name of a header");
    } else if (is_ours(header.key)) {
      section.error_at(header.key_location, "headers: " + header.key + " is written by the sink");
    } else if (has_own_authorization && equal_but_for_case(header.key, "authorization")) {
      section.error_at(header.key_location, "headers: Authorization is written by token or username");
    } else if (header.known && !is_header_value(header.text)) {
      section.error_at(header.location, "headers: the value of " + header.key + " is empty or has control characters");
    }
    options.headers.push_back({header.key, header.text});
  }
}

void read_who(const Section& section, HttpSinkOptions& options) {
  section.read("token", options.token);
  section.read("username", options.username);
  section.read("password", options.password);
  if (is_known_text(section, "token") && !is_header_value(options.token)) {
    section.error("token", "token is empty or has control characters");
  }
  if ((section.find("username") == nullptr) != (section.find("password") == nullptr)) {
    section.error(section.find("username") == nullptr ? "password" : "username",
                  "username and password belong together");
  }
  if (section.find("token") != nullptr && section.find("username") != nullptr) {
    section.error("token", "token and username exclude each other: a request has one Authorization");
  }
}

void read_http_sink_tls(const Section& section, HttpSinkOptions& options) {
  const Node* const node = section.table("tls");
  if (node == nullptr) return;
  const Section tls(*node, section.name() + ".tls", {&http_sink_tls_keys()}, section.report());
  read_tls_files(tls, {options.ca, options.cert, options.key});
  if (options.url.starts_with("http://")) section.warning("tls", "tls is not used: url is http://");
}

void read_proxy(const Section& section, HttpSinkOptions& options) {
  section.read("proxy", options.proxy);
  if (!is_known_text(section, "proxy")) return;
  const std::size_t scheme = options.proxy.find("://"), at = options.proxy.rfind('@');
  const bool has_user = at != std::string::npos && scheme != std::string::npos && at > scheme;
  std::string address = options.proxy;
  if (has_user) address.erase(scheme + 3, at - scheme - 2);
  const std::optional<HttpUrl> url = parse_http_url(address);
  Location location = section.location("proxy");
  location.secret = has_user || !is_written(section, "proxy");
  if (!url || !url->query.empty() || url->path.size() > 1) {
    section.error_at(location, "proxy is not an address of a proxy", "such as \"http://proxy.example:3128\"");
  } else if (has_user && is_written(section, "proxy")) {
    section.error_at(location, "proxy holds a password; write ${credential:NAME} in its place");
  } else if (options.url.starts_with("http://") && !options.allow_plaintext && !is_loopback_host(url->host)) {
    // Whatever machine the url names, this is the one that gets all of it.
    section.error_at(location, "proxy would get everything readable over the network, since url is http://",
                     plaintext_remedy);
  }
}

class ConfiguredHttpSink final : public ConfiguredSinkOf<HttpSinkOptions> {
 public:
  using ConfiguredSinkOf::ConfiguredSinkOf;
  std::unique_ptr<Sink> make(SinkIdentity identity, std::vector<WindowSchema> inputs) const override {
    return make_http_sink(options(), std::move(identity), std::move(inputs));
  }
  SinkTraits traits() const override { return http_traits(options()); }
  std::string fault(const std::vector<WindowSchema>& /*inputs*/) const override { return http_fault(options()); }
};

std::shared_ptr<const ConfiguredSink> read_http_sink(const Section& section, const PartContext& /*context*/) {
  HttpSinkOptions options;
  section.read("allow_plaintext", options.allow_plaintext);
  section.read_word("method", options.put, http_method_words);
  section.read_word("encoding", options.encoding, http_encoding_words);
  read_url(section, options);
  read_headers(section, options);
  read_who(section, options);
  section.read("gzip", options.gzip);
  section.read("timeout", options.timeout);
  section.read("max_rows", options.max_rows);
  section.read("max_bytes", options.max_bytes);
  read_http_sink_tls(section, options);
  read_proxy(section, options);
  return std::make_shared<ConfiguredHttpSink>(std::move(options));
}

}  // namespace

SinkPart http_sink() {
  static const KeyGroup group = http_sink_keys();
  return {{.meaning = "`http` sends requests to a server.",
           .library = "libcurl",
           .keys = {&group},
           .inner = {&http_sink_tls_keys()}},
          std::make_shared<ConfiguredHttpSink>(HttpSinkOptions()),
          read_http_sink,
          nullptr};
}

}  // namespace edgetide
