#include "config/key_table.h"

#include <algorithm>

#include "config/key_groups.h"
#include "config/key_spec.h"
#include "config/parts.h"

namespace edgetide {

namespace {

using keys::on_reload;

// Each once, in the order in which the parts name them.
template <class AnyPart>
std::vector<const KeyGroup*> groups_of(const PartList<AnyPart>& parts) {
  std::vector<const KeyGroup*> groups;
  const auto add = [&](const KeyGroup* group) {
    if (std::find(groups.begin(), groups.end(), group) == groups.end()) groups.push_back(group);
  };
  for (const Part& part : parts.built) {
    std::for_each(part.keys.begin(), part.keys.end(), add);
    std::for_each(part.inner.begin(), part.inner.end(), add);
  }
  return groups;
}

// The key that chooses a part.
template <class AnyPart>
KeyGroup choosing(KeyGroup group, std::string_view key, const PartList<AnyPart>& parts) {
  const auto spec =
      std::find_if(group.keys.begin(), group.keys.end(), [&](const KeySpec& each) { return each.name == key; });
  spec->words = parts.names();
  spec->left_out = parts.left_out;
  for (const Part& part : parts.built) {
    if (!part.meaning.empty()) spec->meaning += ' ' + std::string(part.meaning);
  }
  return group;
}

KeyGroup with_presets(KeyGroup group, const std::vector<Preset>& presets) {
  const auto format =
      std::find_if(group.keys.begin(), group.keys.end(), [](const KeySpec& each) { return each.name == "format"; });
  for (const Preset& preset : presets) format->words.push_back(preset.name);
  return group;
}

}  // namespace

const KeySpec* KeyGroup::find(std::string_view name) const noexcept {
  const auto spec = std::find_if(keys.begin(), keys.end(), [&](const KeySpec& key) { return key.name == name; });
  return spec == keys.end() ? nullptr : &*spec;
}

KeyTable::KeyTable(const Parts& of)
    : parts(of),
      top(keys::top_keys()),
      gateway(keys::gateway_keys()),
      log(keys::log_keys()),
      clock(on_reload(OnReload::restart, keys::clock_keys())),
      http(on_reload(OnReload::restart, keys::http_keys())),
      metrics(on_reload(OnReload::restart, keys::metrics_keys())),
      time(keys::time_keys()),
      limits(keys::limits_keys()),
      journal(on_reload(OnReload::restart, keys::journal_keys())),
      checkpoint(on_reload(OnReload::restart, keys::checkpoint_keys())),
      quarantine(on_reload(OnReload::restart, keys::quarantine_keys())),
      source(choosing(keys::source_keys(), "type", parts.sources)),
      mapping(
          with_presets(choosing(on_reload(OnReload::new_source, keys::mapping_keys(parts)), "format", parts.formats),
                       parts.presets)),
      payload_field(on_reload(OnReload::new_source, keys::payload_field_keys())),
      time_field(on_reload(OnReload::new_source, keys::time_field_keys(parts))),
      value_field(on_reload(OnReload::new_source, keys::value_field_keys())),
      dedupe_field(on_reload(OnReload::new_source, keys::dedupe_field_keys())),
      table(keys::table_keys()),
      window(choosing(keys::window_keys(), "type", parts.windows)),
      match(keys::match_keys()),
      top_rows(keys::top_rows_keys()),
      sink(choosing(keys::sink_keys(), "type", parts.sinks)),
      outbox(on_reload(OnReload::new_sink, keys::outbox_keys())),
      test(keys::test_keys()),
      test_message(keys::test_message_keys()),
      source_parts(groups_of(parts.sources)),
      format_parts(groups_of(parts.formats)),
      window_parts(groups_of(parts.windows)),
      sink_parts(groups_of(parts.sinks)) {}

std::vector<const KeyGroup*> KeyTable::groups() const {
  std::vector<const KeyGroup*> all = {&top,  &gateway, &log,     &clock,      &http,       &metrics,
                                      &time, &limits,  &journal, &checkpoint, &quarantine, &source};
  const auto add = [&all](const std::vector<const KeyGroup*>& groups) {
    all.insert(all.end(), groups.begin(), groups.end());
  };
  add(source_parts);
  add({&mapping, &payload_field, &time_field, &value_field, &dedupe_field});
  add(format_parts);
  add({&table, &window});
  add(window_parts);
  add({&match, &top_rows, &sink, &outbox});
  add(sink_parts);
  add({&test, &test_message});
  return all;
}

}  // namespace edgetide
