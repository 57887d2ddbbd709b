// DSMR and ESMR: the telegrams of the P1 port of electricity meters (dsmr_telegram.h).
//
// Sensor.  The `sensor` template, which may use {id} and {header} besides captures; otherwise {device} or {sensor} of
//          the topic; otherwise {id}, the identity of the meter (0-0:96.1.1), as text if it is the text in hexadecimal
//          that meters send; otherwise {header}, the text behind '/'.
// Metric.  As dsmr_names.h says; an object without a name has its code. The `metric` template may use {metric} and
//          {code}.
// Values.  Numbers; the unit is that of the telegram. What is not a measurement is not taken; nor is an object of
//          several values, such as a log. A line that is not an object is bad_syntax, and costs only itself.
// M-Bus.   The reading of a gas, water or heat meter (0-n:24.2.1) is named by what it measures, and has the label
//          `channel`, n: an exchanged meter gets another channel.
// Time.    That of the telegram (0-0:1.0.0), also of the peak of the month, which stands in each; of M-Bus readings
//          their own, of which telegrams repeat the newest: it counts once. S is summer time, +02:00, and W is
//          +01:00; times of DSMR 2 and 3 without such a letter are local ones. Telegrams without a time: the arrival
//          time.
// Message. One telegram, or several. A telegram that is cut, or whose checksum differs, is one refusal.
//
// Thread, Fails: see decoder.h. Offsets are those of the telegram.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "daemon/decoders/decoder.h"
#include "daemon/decoders/dsmr_telegram.h"
#include "daemon/decoders/message_output.h"
#include "daemon/decoders/text_template.h"
#include "daemon/decoders/time_field.h"

namespace edgetide {

class DsmrDecoder final : public Decoder {
 public:
  DsmrDecoder(const MappingOptions& options, std::span<const std::string> capture_names);
  void decode(const Message& message, DecodedBatch& out) override;

 private:
  static constexpr std::size_t max_channels = 9;
  // What the readings of one telegram have in common.
  struct Record {
    const Message& message;
    MessageOutput& output;
    std::size_t offset;
    std::string_view header;
    std::size_t first_reading;  // in the batch
    std::string_view id = {};
    std::string_view sensor = {};
    std::string_view time = {};                                 // as written
    std::array<std::string_view, max_channels + 1> media = {};  // by channel; empty: it has not said its type
    DsmrObject older_gas = {};                                  // of DSMR 2 and 3, whose value is in the next line
  };

  void decode_telegram(const DsmrTelegram& telegram, Record& record);
  void note_identities(std::string_view objects, Record& record);
  void take(const DsmrObject& object, Record& record);
  void take_older_gas(std::string_view value, Record& record);
  void take_reading(std::string_view code, std::string_view time, std::string_view value, std::string_view unit,
                    Record& record);
  // It is in the telegram already.
  static bool is_repeated(const DecodedReading& reading, const Record& record) noexcept;
  void read_time(std::string_view text, const Message& message, DecodedReading& reading, DecodedBatch& out);
  std::string_view sensor_of(const Record& record);
  std::string_view metric_of(std::string_view metric, std::string_view code, const Record& record);
  static std::string_view medium_of(std::string_view channel, const Record& record);

  std::optional<TextTemplate> sensor_;
  std::optional<TextTemplate> metric_;
  TimeReader time_;
  std::string scratch_;
};

extern const Format dsmr_format;

}  // namespace edgetide
