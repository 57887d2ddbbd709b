#include "sinks/publish_answer.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace edgetide {

namespace {

struct KnownAnswer {
  int reason;
  PublishAnswer::Kind kind;
  std::string_view words;
};

using Kind = PublishAnswer::Kind;
// A topic that is not allowed is a matter of the broker's access list, which can be changed: no row is lost for it.
constexpr std::array<KnownAnswer, 8> known_answers = {{
    {128, Kind::later, "unspecified error"},
    {131, Kind::later, "implementation specific error"},
    {135, Kind::needs_person, "not authorized; check the access list of the broker"},
    {144, Kind::row_refused, "topic name invalid"},
    {145, Kind::later, "packet identifier in use"},
    {149, Kind::row_refused, "packet too large"},
    {151, Kind::later, "quota exceeded"},
    {153, Kind::row_refused, "payload format invalid"},
}};

}  // namespace

PublishAnswer publish_answer(int reason) {
  if (reason < first_error_reason) return {Kind::taken, {}};
  const auto* const found = std::find_if(known_answers.begin(), known_answers.end(),
                                         [&](const KnownAnswer& one) { return one.reason == reason; });
  const std::string number = "reason " + std::to_string(reason);
  if (found == known_answers.end()) return {Kind::later, number};
  return {found->kind, number + " (" + std::string(found->words) + ')'};
}

}  // namespace edgetide
