#include "daemon/decoders/csv_reader.h"

#include <algorithm>

#include "daemon/decoders/line_text.h"

namespace edgetide {

namespace {

std::string_view trimmed(std::string_view text) noexcept {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

}  // namespace

CsvReader::CsvReader(char delimiter) noexcept : delimiter_(delimiter) {
  for (const char c : {delimiter, '"', '\0', '\r', '\n'}) stops_[static_cast<unsigned char>(c)] = true;
}

void CsvReader::begin(std::string_view text) noexcept {
  constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";
  text_ = text;
  next_ = text.starts_with(byte_order_mark) ? byte_order_mark.size() : 0;
}

CsvReader::Answer CsvReader::read(DecodedBatch& keep) {
  for (;;) {
    while (next_ < text_.size() && text_[next_] == '\0') ++next_;
    if (next_ >= text_.size() || !at_line_end(text_, next_)) break;
    next_ = next_line(text_, next_);
  }
  if (next_ >= text_.size()) return Answer::end;
  row_offset_ = at_ = next_;
  const bool whole = read_row(keep);
  next_ = next_line(text_, whole ? at_ : row_offset_);
  if (!whole) at_ = std::min(at_, text_.size());
  return whole ? Answer::row : Answer::fault;
}

bool CsvReader::read_row(DecodedBatch& keep) {
  fields_.clear();
  for (;; ++at_) {  // past the delimiter
    if (!read_field(keep)) return false;
    if (at_line_end(text_, at_)) return true;
  }
}

bool CsvReader::read_field(DecodedBatch& keep) {
  const std::size_t start = at_;
  while (at_ < text_.size() && text_[at_] == ' ') ++at_;
  if (at_ < text_.size() && text_[at_] == '"') return read_quoted(keep);
  for (;; ++at_) {
    while (at_ < text_.size() && !stops_[static_cast<unsigned char>(text_[at_])]) ++at_;
    if (at_line_end(text_, at_) || text_[at_] == delimiter_) break;
    if (text_[at_] == '"') return false;
  }
  fields_.push_back({trimmed(text_.substr(start, at_ - start)), start});
  return true;
}

// Requires: at an opening quote.
bool CsvReader::read_quoted(DecodedBatch& keep) {
  const std::size_t start = ++at_;
  bool doubled = false;
  for (;; ++at_) {
    at_ = std::min(text_.find('"', at_), text_.size());
    if (at_ == text_.size()) return false;
    if (at_ + 1 == text_.size() || text_[at_ + 1] != '"') break;
    doubled = true;
    ++at_;
  }
  std::string_view inside = text_.substr(start, at_ - start);
  if (doubled) {
    scratch_.clear();
    for (std::size_t i = 0; i < inside.size(); ++i) {
      scratch_ += inside[i];
      if (inside[i] == '"') ++i;
    }
    inside = keep.keep(scratch_);
  }
  ++at_;
  while (at_ < text_.size() && text_[at_] == ' ') ++at_;
  fields_.push_back({inside, start});
  return at_line_end(text_, at_) || text_[at_] == delimiter_;
}

}  // namespace edgetide
