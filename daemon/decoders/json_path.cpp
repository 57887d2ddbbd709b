#include "daemon/decoders/json_path.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <stdexcept>

#include "pipeline/whole_number.h"

namespace edgetide {

namespace {

[[noreturn]] void bad_path(std::string_view path, std::string_view reason) {
  throw std::invalid_argument("path '" + std::string(path) + "' " + std::string(reason));
}

}  // namespace

void append_name(std::string& path, std::string_view name) {
  if (!path.empty()) path += '.';
  path += name;
}

void append_index(std::string& path, std::size_t index) {
  std::array<char, 20> digits{};
  const auto result = std::to_chars(digits.data(), digits.data() + digits.size(), index);
  path += '[';
  path.append(digits.data(), result.ptr);
  path += ']';
}

JsonPath::JsonPath(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size()) {
    if (text[at] == '[') {
      at = take_index(text, at);
    } else {
      if (at > 0 && text[at] != '.') bad_path(text, "needs '.' or '[' behind ']' and behind a quoted name");
      at = take_name(text, at > 0 ? at + 1 : at);
    }
  }
  first_traced_ = find_first_traced();
}

std::size_t JsonPath::find_first_traced() const noexcept {
  const auto is = [](Step::Kind kind) { return [kind](const Step& step) { return step.kind == kind; }; };
  const auto member = std::find_if(steps_.begin(), steps_.end(), is(Step::Kind::any_member));
  const auto element = std::find_if(steps_.begin(), member, is(Step::Kind::any_element));
  if (element == member) return static_cast<std::size_t>(member - steps_.begin());
  const auto array = std::find_if(std::reverse_iterator(element), steps_.rend(), is(Step::Kind::name));
  return static_cast<std::size_t>((array == steps_.rend() ? element : array.base() - 1) - steps_.begin());
}

std::size_t JsonPath::take_name(std::string_view text, std::size_t at) {
  const bool quoted = at < text.size() && text[at] == '"';
  if (quoted) ++at;
  const std::size_t end = std::min(quoted ? text.find('"', at) : text.find_first_of(".[", at), text.size());
  if (quoted && end == text.size()) bad_path(text, "has a quote that is not closed");
  const std::string_view name = text.substr(at, end - at);
  if (name.empty()) bad_path(text, "has an empty name");
  if (!quoted && name != "*" && name.find_first_of("*]\"") != std::string_view::npos) {
    bad_path(text, "has '" + std::string(name) + "': quote names with special characters; '*' stands alone");
  }
  const bool any = !quoted && name == "*";
  steps_.push_back({any ? Step::Kind::any_member : Step::Kind::name, std::string(name), 0});
  return quoted ? end + 1 : end;
}

std::size_t JsonPath::take_index(std::string_view text, std::size_t at) {
  const std::size_t end = text.find(']', at);
  if (end == std::string_view::npos) bad_path(text, "has a '[' that is not closed");
  const std::string_view inside = text.substr(at + 1, end - at - 1);
  Step step{Step::Kind::any_element, {}, 0};
  if (inside != "*") {
    step.kind = Step::Kind::index;
    const auto index = whole_number<decltype(step.index)>(inside);
    if (!index) bad_path(text, "has '[" + std::string(inside) + "]': write [*] or a number such as [0]");
    step.index = *index;
  }
  steps_.push_back(std::move(step));
  return end + 1;
}

bool JsonPath::single() const noexcept {
  return std::all_of(steps_.begin(), steps_.end(),
                     [](const Step& step) { return step.kind == Step::Kind::name || step.kind == Step::Kind::index; });
}

bool JsonPath::starts_with_index() const noexcept {
  return !steps_.empty() && (steps_[0].kind == Step::Kind::index || steps_[0].kind == Step::Kind::any_element);
}

bool JsonPath::may_name_as(const JsonPath& other) const noexcept {
  if (!has_wildcard() || !other.has_wildcard()) return false;
  const auto meets = [](const Step& a, const Step& b) {
    const auto is_member = [](const Step& step) {
      return step.kind == Step::Kind::any_member || step.kind == Step::Kind::name;
    };
    if (is_member(a) != is_member(b)) return false;
    const bool both_fixed = a.kind == b.kind && (a.kind == Step::Kind::name || a.kind == Step::Kind::index);
    return !both_fixed || (a.name == b.name && a.index == b.index);
  };
  return std::equal(steps_.begin() + static_cast<std::ptrdiff_t>(first_traced_), steps_.end(),
                    other.steps_.begin() + static_cast<std::ptrdiff_t>(other.first_traced_), other.steps_.end(), meets);
}

std::string_view JsonPath::last_name() const noexcept {
  const auto step =
      std::find_if(steps_.rbegin(), steps_.rend(), [](const Step& s) { return s.kind == Step::Kind::name; });
  return step == steps_.rend() ? std::string_view() : std::string_view(step->name);
}

std::optional<JsonValue> JsonPath::find(JsonValue from) const noexcept {
  std::optional<JsonValue> at = from;
  for (const Step& step : steps_) {
    at = follow(step, *at);
    if (!at) return std::nullopt;
  }
  return at;
}

std::optional<JsonValue> JsonPath::follow(const Step& step, JsonValue from) noexcept {
  if (step.kind == Step::Kind::name) return from.find(step.name);
  std::size_t index = 0;
  for (const JsonValue element : from.elements()) {
    if (index++ == step.index) return element;
  }
  return std::nullopt;
}

std::optional<JsonValue> JsonPath::follow_again(const Step& step, JsonValue from, JsonValue before) noexcept {
  if (step.kind != Step::Kind::name) return std::nullopt;
  for (const JsonMember member : from.members()) {
    if (member.value.index() > before.index() && member.key == step.name) return member.value;
  }
  return std::nullopt;
}

void JsonPath::trace(const Step& step, std::string& trail) const {
  if (step.kind == Step::Kind::name) {
    append_name(trail, step.name);
  } else {
    append_index(trail, step.index);
  }
}

}  // namespace edgetide
