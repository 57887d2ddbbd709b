#include "sinks/row_messages.h"

#include <algorithm>
#include <utility>

#include "sinks/line_protocol_encoder.h"
#include "sinks/row_json.h"
#include "sinks/senml_pack.h"

namespace edgetide {

namespace {

constexpr std::size_t brackets = 2;  // bytes of an array beside its rows

std::string tag_value(std::string_view text) {
  std::string escaped;
  for (const char c : text.substr(0, text.find_last_not_of('\\') + 1)) {
    if (c == ',' || c == '=' || c == ' ') escaped += '\\';
    escaped += c;
  }
  return escaped;
}

RejectedRow rejected(const WindowSchema& window, const SinkRow& row, std::string reason) {
  return {window.name, row.series->sensor, row.series->metric, row.start, std::move(reason)};
}

}  // namespace

RowMessageMaker::RowMessageMaker(RowTopic topic, RowPayload payload, const std::string& gateway,
                                 std::vector<WindowSchema> inputs)
    : topic_(std::move(topic)),
      payload_(payload),
      gateway_(gateway),
      inputs_(std::move(inputs)),
      encoder_(payload == RowPayload::influx ? make_line_protocol_encoder(inputs_) : nullptr) {}

RowMessages RowMessageMaker::make(const RowBatch& batch, Limits limits) {
  limits_ = limits;
  arrays_.clear();
  lines_.clear();
  line_ends_.clear();
  if (encoder_ != nullptr) encoder_->append(lines_, batch, &line_ends_);
  RowMessages out;
  std::uint32_t position = 0;
  for (const WindowRows& rows : batch.windows) {
    const WindowSchema& window = inputs_[rows.input];
    for (std::size_t i = 0; i < rows.rows.size(); ++i, ++position) {
      std::string reason =
          add({window, rows.rows[i], rows.values_of(i, window.columns.size()), batch.id, position}, out);
      if (reason.empty()) continue;
      out.rejected.push_back(rejected(window, rows.rows[i], std::move(reason)));
      out.rejected_rows.push_back(position);
    }
  }
  for (RowMessage& message : out.messages) {
    if (payload_ == RowPayload::json_array) message.payload += ']';
  }
  return out;
}

// Returns why it cannot be published.
std::string RowMessageMaker::add(const PlacedRow& row, RowMessages& out) {
  if (std::string reason = topic_.expand(row.window, *row.row.series, topic_text_); !reason.empty()) return reason;
  payload_text_.clear();
  if (std::string reason = append_payload(row); !reason.empty()) return reason;
  const std::size_t bytes = payload_text_.size() + (payload_ == RowPayload::json_array ? brackets : 0);
  if (bytes > room()) {
    return "its payload has " + std::to_string(bytes) + " bytes, " + std::to_string(room()) + " are the most";
  }
  if (payload_ == RowPayload::json_array) {
    add_to_array(row.position, out);
  } else {
    out.messages.push_back({topic_text_, payload_text_, {row.position}});
  }
  return {};
}

// Of a payload to the topic at hand.
std::size_t RowMessageMaker::room() const {
  return std::min(limits_.max_payload_bytes, limits_.max_bytes - std::min(limits_.max_bytes, topic_text_.size()));
}

std::string RowMessageMaker::append_payload(const PlacedRow& row) {
  if (payload_ == RowPayload::senml) {
    return append_senml_pack(payload_text_, gateway_, row.window, row.row, row.values, row.epoch);
  }
  if (payload_ == RowPayload::influx) {
    append_line(row);
  } else {
    append_gateway_row_json(payload_text_, gateway_, row.window, row.row, row.values, row.epoch.epoch);
  }
  return {};
}

// The name of a window needs no escapes, so the first blank or comma ends it.
void RowMessageMaker::append_line(const PlacedRow& row) {
  const std::size_t begin = row.position == 0 ? 0 : line_ends_[row.position - 1];
  const std::string_view line = std::string_view(lines_).substr(begin, line_ends_[row.position] - begin);
  payload_text_ = row.window.name;
  if (const std::string gateway = tag_value(gateway_); !gateway.empty()) payload_text_ += ",gateway=" + gateway;
  payload_text_ += line.substr(row.window.name.size());
}

void RowMessageMaker::add_to_array(std::uint32_t position, RowMessages& out) {
  const auto [found, is_new] = arrays_.try_emplace(topic_text_, out.messages.size());
  if (!is_new) {
    RowMessage& open = out.messages[found->second];
    if (open.payload.size() + 1 + payload_text_.size() + 1 <= room()) {
      (open.payload += ',') += payload_text_;
      open.rows.push_back(position);
      return;
    }
    found->second = out.messages.size();
  }
  out.messages.push_back({topic_text_, '[' + payload_text_, {position}});
}

RejectedRow rejected_row(const RowBatch& batch, const std::vector<WindowSchema>& inputs, std::size_t row,
                         std::string reason) {
  for (const WindowRows& window : batch.windows) {
    if (row < window.rows.size()) return rejected(inputs[window.input], window.rows[row], std::move(reason));
    row -= window.rows.size();
  }
  return {};
}

}  // namespace edgetide
