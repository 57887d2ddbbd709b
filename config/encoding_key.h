// `encoding = "..."` of a stream sink.
//
// Thread: main. Fails: into the section's report.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/key_spec.h"
#include "config/section.h"
#include "sinks/row_encoder.h"

namespace edgetide {

inline KeySpec encoding_key() {
  std::vector<std::string_view> names;
  for (const RowEncoding& encoding : row_encodings()) names.push_back(encoding.name);
  return keys::word(
      "encoding", std::move(names), 0,
      "The form of a row. `json`: an object on each line. `csv`: with a header. `influx`: line protocol.");
}

inline void read_encoding(const Section& section, std::string& encoding) {
  if (const auto name = section.word("encoding")) encoding = *name;
}

}  // namespace edgetide
