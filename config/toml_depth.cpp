#include "config/toml_depth.h"

#include <algorithm>
#include <string>
#include <vector>

namespace edgetide {

namespace {

class DepthScan {
 public:
  explicit DepthScan(std::string_view text) : text_(text) {}

  std::optional<TextPosition> run() {
    for (; at_ < text_.size(); ++at_) {
      const std::size_t here = at_;
      switch (text_[at_]) {
        case '#':
          at_ = std::min(text_.find('\n', at_), text_.size()) - 1;
          break;
        case '"':
        case '\'':
          skip_string();
          break;
        case '\n':
        case ',':
          dots_ = 0;
          break;
        case '.':
          ++dots_;
          break;
        case '[':
        case '{':
          open_.push_back(dots_ + 1);
          outside_ += open_.back();
          dots_ = 0;
          break;
        case ']':
        case '}':
          close();
          break;
        default:
          continue;
      }
      if (outside_ + dots_ > max_toml_depth) return position_of(here);
    }
    return std::nullopt;
  }

 private:
  void close() {
    dots_ = 0;
    if (open_.empty()) return;
    outside_ -= open_.back();
    open_.pop_back();
  }

  // To its last quote; a string of one line ends with the line, if it is not closed.
  void skip_string() {
    const char quote = text_[at_];
    const bool is_long = text_.substr(at_).starts_with(std::string(3, quote));
    const std::string end = is_long ? std::string(3, quote) : std::string(1, quote);
    for (at_ += end.size(); at_ < text_.size(); ++at_) {
      if (text_[at_] == '\\' && quote == '"') {
        ++at_;
      } else if (text_.substr(at_).starts_with(end)) {
        at_ += end.size() - 1;
        return;
      } else if (text_[at_] == '\n' && !is_long) {
        --at_;
        return;
      }
    }
  }

  TextPosition position_of(std::size_t offset) const {
    TextPosition position;
    for (const char c : text_.substr(0, offset)) {
      const bool continues = (static_cast<unsigned char>(c) & 0xC0) == 0x80;
      position.column = c == '\n' ? 1 : position.column + (continues ? 0 : 1);
      position.line += c == '\n' ? 1 : 0;
    }
    return position;
  }

  const std::string_view text_;
  std::size_t at_ = 0;
  std::size_t dots_ = 0;           // of the key, or the value, at hand
  std::size_t outside_ = 0;        // levels around it
  std::vector<std::size_t> open_;  // the levels that each open bracket adds
};

}  // namespace

std::optional<TextPosition> find_too_deep(std::string_view toml) {
  return DepthScan(toml).run();
}

}  // namespace edgetide
