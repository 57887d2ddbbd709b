#include "config/condition_parser.h"

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <string_view>
#include <utility>
#include <vector>

#include "pipeline/characters.h"

namespace edgetide {

namespace {

struct Spelling {
  std::string_view sql;
  std::string_view formula;
};
constexpr Spelling sql_words[] = {{"and", "&&"}, {"or", "||"}, {"not", "!"}};
constexpr Spelling sql_signs[] = {{"<>", "<>"}, {"!=", "<>"}, {"<=", "<="}, {">=", ">="}, {"==", "=="}, {"=", "=="}};

bool is_of_name(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '.';
}

// A formula, and for each of its characters where it comes from.
class Translation {
 public:
  explicit Translation(std::string_view text) : text_(text) {
    while (at_ < text_.size()) step();
  }

  const std::string& formula() const noexcept { return formula_; }
  std::size_t position(std::size_t in_formula) const noexcept {
    return in_formula < origins_.size() ? origins_[in_formula] : text_.size();
  }

 private:
  void step() {
    if (is_of_name(text_[at_])) return take_name();
    for (const Spelling& sign : sql_signs) {
      if (text_.substr(at_).starts_with(sign.sql)) return add(sign.sql.size(), sign.formula);
    }
    add(1, text_.substr(at_, 1));
  }
  void take_name() {
    std::size_t end = at_;
    while (end < text_.size() && is_of_name(text_[end])) ++end;
    const std::string name = in_lower_case(std::string(text_.substr(at_, end - at_)));
    for (const Spelling& word : sql_words) {
      if (name == word.sql) return add(name.size(), word.formula);
    }
    add(name.size(), text_.substr(at_, name.size()));
  }
  void add(std::size_t taken, std::string_view formula) {
    formula_ += formula;
    origins_.resize(formula_.size(), at_);
    at_ += taken;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::string formula_;
  std::vector<std::size_t> origins_;
};

}  // namespace

std::variant<ParsedFormula, FormulaError> parse_condition(const std::string& text) {
  const Translation translation(text);
  auto parsed = parse_formula(translation.formula());
  if (auto* const error = std::get_if<FormulaError>(&parsed)) error->position = translation.position(error->position);
  return parsed;
}

}  // namespace edgetide
