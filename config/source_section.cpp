#include "config/source_section.h"

#include <memory>
#include <utility>
#include <vector>

#include "config/mapping_section.h"
#include "config/part_section.h"
#include "config/table_section.h"

namespace edgetide {

namespace {

std::vector<const KeyGroup*> groups_of(const SourcePart& part, const KeyTable& keys) {
  std::vector<const KeyGroup*> groups = with_part({&keys.source}, part);
  groups.push_back(&keys.time);
  return part.maps_payloads ? with_mapping(std::move(groups), keys) : groups;
}

std::shared_ptr<const ConfiguredSource> read_source(const Node& node, const SourcePart& part,
                                                    const PartContext& context, SourceOptions& common,
                                                    GatewayOptions& options, Report& report) {
  const Section section(node, "sources." + node.key, groups_of(part, report.keys()), report);
  read_time_keys(section, common.time);
  read_table_of(section, options.enrichment);
  PartContext own = context;
  own.name = node.key;
  return part.read(section, own);
}

}  // namespace

void read_time_keys(const Section& section, TimeOptions& time) {
  section.read("max_out_of_orderness", time.max_out_of_orderness);
  section.read("idle_timeout", time.idle_timeout);
  section.read_word("scope", time.scope, watermark_scope_words);
  section.read("max_future", time.max_future);
  section.read("oldest", time.oldest);
  section.read_word("on_bad_time", time.on_bad_time, bad_time_policy_words);
}

void read_sources(const Node& sources, const PartList<SourcePart>& parts, const PartContext& context,
                  const TimeOptions& time, GatewayOptions& options, Names& names, Report& report) {
  std::vector<ReadPart<SourcePart>> read;
  for (const Node& node : sources.children) {
    check_name(node, "sources", true, report);
    names.add(node);
    SourceOptions common{node.key, time};
    const SourcePart* const part = part_of(node, "sources." + node.key, report.keys().source, parts, report);
    if (part != nullptr) {
      options.sources.push_back(
          {node.key, std::string(part->name), read_source(node, *part, context, common, options, report)});
      read.push_back({&node, part, options.sources.back().source.get()});
    }
    options.enrichment.by_source.resize(names.size());
    options.pipeline.sources.push_back(std::move(common));
  }
  check_clashes("sources", read, report);
}

}  // namespace edgetide
