#include "config/table_section.h"

#include <exception>
#include <filesystem>
#include <string_view>
#include <utility>
#include <vector>

#include "config/sensor_table_file.h"
#include "config/spelling.h"

namespace edgetide {

void read_tables(const Node& tables, const std::string& folder, EnrichmentOptions& enrichment, Report& report) {
  for (const Node& node : tables.children) {
    check_name(node, "tables", true, report);
    const std::string name = "tables." + node.key;
    if (node.kind != Node::Kind::table) {
      report.error(node.location, name + " is not a table");
      continue;
    }
    const Section section(node, name, {&report.keys().table}, report);
    std::string file;
    std::string key = "sensor";
    section.read("file", file);
    section.read("key", key);
    if (file.empty()) continue;
    const std::string path = (std::filesystem::path(folder) / file).lexically_normal();
    SensorTableInput input{node.key, nullptr};
    try {
      input.table = load_sensor_table(path, key);
    } catch (const std::exception& error) {
      section.error("file", error.what());
    }
    enrichment.tables.push_back(std::move(input));
  }
}

void read_table_of(const Section& section, EnrichmentOptions& enrichment) {
  std::string name;
  section.read("table", name);
  std::optional<std::size_t>& location = enrichment.by_source.emplace_back();
  if (section.find("table") == nullptr) return;
  std::vector<std::string_view> names;
  for (std::size_t i = 0; i < enrichment.tables.size(); ++i) {
    names.push_back(enrichment.tables[i].name);
    if (enrichment.tables[i].name == name) location = i;
  }
  if (location || section.report().fragment()) return;
  section.error("table", "there is no [tables." + name + "]", did_you_mean(name, names));
}

}  // namespace edgetide
