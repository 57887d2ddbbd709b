// Filters of MQTT subscriptions: which topics two of them share.
//
// Thread: pure. Fails: never; what they are given are valid filters.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace edgetide {

// Every topic of `narrow` matches `wide` too.
bool covers(std::string_view wide, std::string_view narrow) noexcept;
// Some topic matches both.
bool overlap(std::string_view a, std::string_view b) noexcept;

// A shared subscription: "$share/GROUP/FILTER". An empty group gives the filter as it is.
std::string shared_filter(std::string_view group, std::string_view filter);
// What the topics of a subscription match: FILTER of a shared one, else all of it.
std::string_view plain_filter(std::string_view subscription) noexcept;

// Those that no other one covers, in their order: they match the same topics. Requires: no two are equal.
std::vector<std::string> without_covered(const std::vector<std::string>& filters);

}  // namespace edgetide
