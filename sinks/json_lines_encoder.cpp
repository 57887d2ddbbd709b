#include "sinks/json_lines_encoder.h"

#include "sinks/row_json.h"

namespace edgetide {

namespace {

class JsonLinesEncoder final : public RowEncoder {
 public:
  using RowEncoder::RowEncoder;

 private:
  void append_row(std::string& out, const WindowSchema& window, const SinkRow& row, std::span<const double> values,
                  EpochId id) const override {
    append_row_json(out, window, row, values, id.epoch, TimeText::rfc3339);
  }
};

}  // namespace

std::unique_ptr<RowEncoder> make_json_lines_encoder(std::vector<WindowSchema> inputs) {
  return std::make_unique<JsonLinesEncoder>(std::move(inputs));
}

}  // namespace edgetide
