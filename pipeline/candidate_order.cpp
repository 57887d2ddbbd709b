#include "pipeline/candidate_order.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace edgetide {

namespace {

constexpr std::uint32_t max_gaps = 4;  // ranks for each row: with more of them, sorting is quicker
constexpr std::size_t max_starts = 4;  // taken one by one

// By position in the order, which row comes there. Empty: the ranks alone do not tell. Requires: one start.
std::vector<std::uint32_t> order_by_rank(std::span<const Candidate> rows) {
  std::uint32_t last = 0;
  for (const Candidate& row : rows) last = std::max(last, row.rank);
  if (last / max_gaps >= rows.size()) return {};
  std::vector<std::uint32_t> places(std::size_t{last} + 1);  // by rank: the row and 1; 0: none
  for (std::uint32_t i = 0; i < rows.size(); ++i) {
    if (std::exchange(places[rows[i].rank], i + 1) != 0) return {};
  }
  std::size_t count = 0;
  for (const std::uint32_t place : places) {
    places[count] = place - 1;
    count += place != 0;
  }
  places.resize(count);
  return places;
}

// Row order[i] becomes row i. Along each cycle of moves one row waits aside.
void permute(std::span<Candidate> rows, std::vector<std::uint32_t>& order) {
  for (std::uint32_t first = 0; first < rows.size(); ++first) {
    if (order[first] == first) continue;
    const Candidate aside = rows[first];
    std::uint32_t to = first;
    for (std::uint32_t from = order[to]; from != first; from = order[to]) {
      rows[to] = rows[from];
      order[to] = to;
      to = from;
    }
    rows[to] = aside;
    order[to] = to;
  }
}

}  // namespace

void put_in_order(std::span<Candidate> rows) {
  for (std::size_t starts = 1; rows.size() > 1 && starts < max_starts; ++starts) {
    const auto earlier = [](const Candidate& a, const Candidate& b) { return a.start < b.start; };
    const Timestamp start = std::min_element(rows.begin(), rows.end(), earlier)->start;
    const auto end = std::partition(rows.begin(), rows.end(), [&](const Candidate& row) { return row.start == start; });
    const std::span<Candidate> first(rows.begin(), end);
    std::vector<std::uint32_t> order = order_by_rank(first);
    order.empty() ? std::sort(first.begin(), first.end(), comes_first) : permute(first, order);
    rows = rows.subspan(first.size());
  }
  std::sort(rows.begin(), rows.end(), comes_first);
}

}  // namespace edgetide
