// What the JSON decoder does with the documents of one shape (json_shape.h): it looks once where they have what it
// takes, and what the values are named.
//
// Owns:   the names. Thread: plain values.
// Limit:  max_names_bytes; there is no plan for documents with longer names.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/decoders/id_text.h"
#include "daemon/decoders/json_shape.h"

namespace edgetide {

struct JsonPlan {
  static constexpr std::size_t max_names_bytes = 2048;

  struct Visit {
    std::uint32_t index;      // of the value, in the tape
    std::uint32_t name;       // where it begins in `names`
    std::uint32_t name_size;  // without `values` the path to the value, with them the trail of its match
    std::uint32_t listed;     // which of `values`
    bool is_id;               // the name
  };

  std::uint64_t shape = 0;  // its number; 0: no plan yet
  bool is_usable = false;
  std::size_t max_id_bytes = 0;
  std::vector<std::uint32_t> fields;  // of the record: where they are in the tape, 0 if they are not there
  std::vector<Visit> visits;          // in their order
  std::string names;

  void begin(std::uint64_t of_shape, std::size_t max_bytes_of_ids) {
    shape = of_shape;
    max_id_bytes = max_bytes_of_ids;
    is_usable = true;
    fields.clear();
    visits.clear();
    names.clear();
  }
  void add(std::size_t index, std::string_view name, std::size_t listed = 0) {
    is_usable = is_usable && names.size() + name.size() <= max_names_bytes;
    if (!is_usable) return;
    visits.push_back({static_cast<std::uint32_t>(index), static_cast<std::uint32_t>(names.size()),
                      static_cast<std::uint32_t>(name.size()), static_cast<std::uint32_t>(listed),
                      edgetide::is_id(name, max_id_bytes)});
    names += name;
  }
};

// One for each shape that may come again.
class JsonPlans {
 public:
  JsonPlan& of(std::uint64_t shape) noexcept { return plans_[shape % plans_.size()]; }

 private:
  std::array<JsonPlan, JsonShapes::max_shapes> plans_;
};

}  // namespace edgetide
