// Messages one after the other: a byte for what it is, two for its length, its payload. The last byte of the input says
// whether what the route knows is given to a new one between them, and whether that is made of the bytes themselves.
#include "daemon/decoders/sparkplug_decoder.h"
#include "tests/fuzz/decoded_promises.h"

namespace edgetide {
namespace {

constexpr std::string_view topics[] = {
    "spBv1.0/g/NBIRTH/n", "spBv1.0/g/NDATA/n",    "spBv1.0/g/NDEATH/n", "spBv1.0/g/DBIRTH/n/d", "spBv1.0/g/DDATA/n/d",
    "spBv1.0/g/NCMD/n",   "spBv1.0/g/DDEATH/n/d", "spBv1.0/STATE/x",    "spBv1.0/g/DBIRTH/n/e", "spBv1.0/g/NBIRTH/m",
};

std::vector<RouteOptions> routes(bool has_templates) {
  MappingOptions mapping;
  mapping.format = &sparkplug_format;
  mapping.time.format = TimeFormat::unix_ms;
  if (has_templates) mapping.sensor = "{device}", mapping.metric = "{group}{metric}";
  return {RouteOptions{"spBv1.0/#", mapping}};
}

void decode_one(std::string_view topic, std::string_view payload, Router& router, DecodedBatch& batch) {
  batch.clear();
  router.decode(topic, payload, batch);
  check_promises(batch, payload.size());
  require(batch.replies.size() <= 1, "a message asks for one birth at most");
  for (const Position& state : batch.states) require(state.bytes.size() <= max_decoder_state_bytes, "state is bounded");
}

void decode_all(std::string_view input) {
  if (input.empty()) return;
  const auto mode = static_cast<unsigned char>(input.back());
  input.remove_suffix(1);
  Router router(routes(mode & 1));
  if (mode & 2) router.restore_state("\x01spBv1.0/#", input);
  DecodedBatch batch;
  while (input.size() > 3) {
    const std::string_view topic = topics[static_cast<unsigned char>(input[0]) % std::size(topics)];
    const auto size =
        static_cast<std::size_t>(static_cast<unsigned char>(input[1]) << 8 | static_cast<unsigned char>(input[2]));
    const std::string_view payload = input.substr(3, size);
    input.remove_prefix(3 + payload.size());
    decode_one(topic, payload, router, batch);
    if (!(mode & 4) || batch.states.empty()) continue;
    Router next(routes(mode & 1));
    next.restore_state(batch.states[0].partition, batch.states[0].bytes);
    router = std::move(next);
  }
}

}  // namespace
}  // namespace edgetide

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  edgetide::decode_all(edgetide::text_of(data, size));
  return 0;
}
