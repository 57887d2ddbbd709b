#include "sinks/http_body.h"

#include <string_view>
#include <utility>

namespace edgetide {

namespace {

std::string_view row_encoding_of(HttpEncoding encoding) noexcept {
  const bool is_json = encoding == HttpEncoding::json || encoding == HttpEncoding::json_lines;
  return is_json ? "json" : word_of(http_encoding_words, encoding);
}

}  // namespace

HttpBody::HttpBody(HttpEncoding encoding, std::vector<WindowSchema> inputs)
    : encoding_(encoding),
      encoder_(find_row_encoding(row_encoding_of(encoding))->make(std::move(inputs))),
      header_(encoder_->header()) {}

void HttpBody::begin(const RowBatch& batch) {
  text_.clear();
  ends_.clear();
  encoder_->append(text_, batch, &ends_);
}

std::string HttpBody::of(RowRange range) const {
  const auto begin_of = [this](std::size_t row) { return row == 0 ? 0 : ends_[row - 1]; };
  const bool is_array = encoding_ == HttpEncoding::json;
  std::string body = is_array ? std::string("[") : header_;
  for (std::size_t row = range.first; row < range.end(); ++row) {
    body.append(text_, begin_of(row), ends_[row] - begin_of(row));
    if (is_array) body.back() = row + 1 == range.end() ? ']' : ',';  // in place of its newline
  }
  return body;
}

}  // namespace edgetide
