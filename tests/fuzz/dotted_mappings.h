// Routes for formats whose lines begin with a dotted name.
#pragma once

#include <vector>

#include "daemon/decoders/decoder.h"

namespace edgetide {

inline std::vector<MappingOptions> dotted_mappings(const Format& format) {
  std::vector<MappingOptions> all(2);
  for (MappingOptions& mapping : all) mapping.format = &format;
  all[1].sensor = "{1}/{host}";
  all[1].metric = "{2}{path}";
  return all;
}

}  // namespace edgetide
