#include "sinks/schema_version.h"

#include <algorithm>

namespace edgetide {

std::vector<std::string> schema_parts(const std::vector<WindowSchema>& inputs) {
  std::vector<std::string> parts = {""};
  for (const WindowSchema& window : inputs) parts.push_back(window.name);
  return parts;
}

bool is_current(const SchemaVersions& found, const std::vector<WindowSchema>& inputs) {
  const std::vector<std::string> parts = schema_parts(inputs);
  return std::all_of(parts.begin(), parts.end(), [&](const std::string& part) {
    const auto version = found.find(part);
    return version != found.end() && version->second == schema_version;
  });
}

std::string newer_schema(const SchemaVersions& found, const std::vector<WindowSchema>& inputs) {
  for (const std::string& part : schema_parts(inputs)) {
    const auto version = found.find(part);
    if (version == found.end() || version->second <= schema_version) continue;
    return (part.empty() ? std::string("its tables are") : "the tables of window " + part + " are") + " of version " +
           std::to_string(version->second) + ", made by a newer edgetide; this one knows version " +
           std::to_string(schema_version) + ". Install the newer one again; rows wait";
  }
  return {};
}

bool has_lost_tables(const SchemaVersions& versions, const TableShapes& found,
                     const std::vector<WindowSchema>& inputs) {
  const std::vector<std::string> parts = schema_parts(inputs);
  return std::any_of(parts.begin(), parts.end(), [&](const std::string& part) {
    return versions.contains(part) && !found.contains(part.empty() ? "series" : part + "_data");
  });
}

std::string schema_version_ddl(const std::string& table, const std::vector<WindowSchema>& inputs) {
  std::string ddl;
  for (const std::string& part : schema_parts(inputs)) {
    ddl += "INSERT INTO " + table + " (part, version) VALUES ('" + part + "', " + std::to_string(schema_version) +
           ")\n  ON CONFLICT (part) DO UPDATE SET version = excluded.version;\n";
  }
  return ddl;
}

}  // namespace edgetide
