#include "config/toml_hint.h"

#include <algorithm>
#include <array>

#include "daemon/decoders/number_text.h"
#include "pipeline/characters.h"

namespace edgetide {

namespace {

constexpr std::size_t none = std::string_view::npos;

bool has_typographic_quotes(std::string_view text) {
  constexpr std::array<std::string_view, 7> quotes = {"\u201C", "\u201D", "\u201E", "\u2018",
                                                      "\u2019", "\u00AB", "\u00BB"};
  return std::any_of(quotes.begin(), quotes.end(), [&](std::string_view one) { return text.find(one) != none; });
}

// Where the string that begins at `quote` ends; none: nowhere in this line.
std::size_t closing_quote(std::string_view text, std::size_t quote) {
  for (std::size_t at = quote + 1; at < text.size(); ++at) {
    if (text[at] == '\\' && text[quote] == '"') {
      ++at;
    } else if (text[at] == text[quote]) {
      return at;
    }
  }
  return none;
}

// A value without quotes that is neither a number nor true, false, inf, nan, nor a date.
bool needs_quotes(std::string_view word) {
  if (word == "true" || word == "false" || word == "inf" || word == "nan") return false;
  const auto is_of_number = [](char c) {
    return is_digit(c) || c == '_' || c == '.' || c == '-' || c == '+' || c == ':' || c == 'T' || c == 'Z' ||
           c == 'e' || c == 'E';
  };
  return !word.empty() && word.front() != '#' && !std::all_of(word.begin(), word.end(), is_of_number);
}

std::string hint_for_word(std::string_view word, bool may_quote) {
  const std::string small = in_lower_case(std::string(word));
  if (small == "true" || small == "yes" || small == "on") return "write true";
  if (small == "false" || small == "no" || small == "off") return "write false";
  return may_quote ? "a string stands in quotes: \"" + std::string(word) + '"' : "a string stands in quotes";
}

// Of what stands behind the '=', or in the lines of a list.
std::string hint_for_values(std::string_view values, bool may_quote) {
  for (std::size_t at = 0; at < values.size();) {
    const char c = values[at];
    if (c == '#') break;
    if (c == '"' || c == '\'') {
      const std::size_t end = closing_quote(values, at);
      if (end == none) return "the closing quote is missing";
      at = end + 1;
      continue;
    }
    if (is_blank(c) || c == '[' || c == ']' || c == '{' || c == '}' || c == ',') {
      ++at;
      continue;
    }
    const std::size_t end = std::min(values.find_first_of(" \t,]}#=", at), values.size());
    const std::string_view word = values.substr(at, end - at);
    const bool is_key = without_blanks(values.substr(end)).starts_with('=');
    if (!is_key && needs_quotes(word)) return hint_for_word(word, may_quote);
    at = std::max(end, at + 1) + (is_key ? values.substr(end).find('=') + 1 : 0);
  }
  return {};
}

}  // namespace

std::string toml_hint(std::string_view line, bool may_quote) {
  const std::string_view text = without_blanks(line);
  if (has_typographic_quotes(text.substr(0, text.find('#')))) return "write straight quotes, \" or '";
  const std::size_t equals = text.find('=');
  const std::size_t quote = text.find_first_of("\"'");
  if (text.starts_with('[') && equals == none) {
    return text.find(']') == none ? "the closing bracket is missing" : std::string();
  }
  if (equals == none || quote < equals) {
    const std::size_t colon = text.find(':');
    const bool is_yaml = colon != none && colon < quote && (colon + 1 == text.size() || text[colon + 1] == ' ');
    return is_yaml ? "write key = value" : hint_for_values(text.substr(std::min(quote, text.size())), may_quote);
  }
  const std::string_view values = without_blanks(text.substr(equals + 1));
  if (values.empty() || values.starts_with('#')) return "the value is missing";
  return hint_for_values(values, may_quote);
}

}  // namespace edgetide
