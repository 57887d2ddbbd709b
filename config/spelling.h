// Did-you-mean: the candidate nearest to a misspelt word.
//
// Thread: pure. Source: optimal string alignment distance (Damerau 1964, without crossing edits).
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace edgetide {

// Insertions, deletions, substitutions and swaps of neighbours that turn `a` into `b`.
std::size_t edit_distance(std::string_view a, std::string_view b);

// Empty when nothing is near: at most a third of the word may differ. Of the first thousand candidates.
std::string_view nearest(std::string_view word, std::span<const std::string_view> candidates);

// "did you mean 'size'?", or nothing.
std::string did_you_mean(std::string_view word, std::span<const std::string_view> candidates);

}  // namespace edgetide
