#include "sinks/table_shape.h"

namespace edgetide {

std::vector<std::string> missing_from(const TableShapes& found, const TableShapes& needed) {
  std::vector<std::string> missing;
  for (const auto& [table, columns] : needed) {
    const auto there = found.find(table);
    if (there == found.end()) {
      missing.push_back(table);
      continue;
    }
    for (const std::string& column : columns) {
      if (!there->second.contains(column)) missing.push_back(table + "." + column);
    }
  }
  return missing;
}

std::string joined(const std::vector<std::string>& parts) {
  std::string text;
  for (const std::string& part : parts) text += (text.empty() ? "" : ", ") + part;
  return text;
}

}  // namespace edgetide
