// NMEA 0183: sentences of ships' instruments and of satellite receivers, one per line.
//
// Sentences. XDR (transducers), MTW (water temperature), MWV (wind), DBT and DPT (depth), RMC and GGA (position), ZDA
//            (time). Others, those of one maker ("$P") and AIS ("!") are refused as unsupported.
// Sensor.    The `sensor` template, which may use {talker} and {sentence} besides captures; otherwise {device} or
//            {sensor} of the topic; otherwise talker and sentence, "GPRMC".
// Metric.    Of XDR the name of the transducer, or what its type measures if it has none; of the others the names in
//            nmea0183_decoder.cpp, "latitude". The `metric` template may use {metric}, {talker} and {sentence}.
// Units.     Speeds in m/s, depths in m, angles in degrees, positions in degrees, south and west below 0. Transducers
//            have the unit that they name.
// Time.      As nmea_clock.h says.
// Values.    An empty field, and what the sentence itself calls not valid, is absent. A bad one costs only itself.
//
// See: NMEA 0183 version 4.11, as documented by gpsd (https://gpsd.gitlab.io/gpsd/NMEA.html)
// Thread, Fails: see decoder.h.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "daemon/decoders/decoder.h"
#include "daemon/decoders/message_output.h"
#include "daemon/decoders/nmea_clock.h"
#include "daemon/decoders/nmea_sentence.h"
#include "daemon/decoders/text_template.h"

namespace edgetide {

class Nmea0183Decoder final : public Decoder {
 public:
  Nmea0183Decoder(const MappingOptions& options, std::span<const std::string> capture_names);
  void decode(const Message& message, DecodedBatch& out) override;

 private:
  // What the values of one sentence have in common.
  struct Record {
    const Message& message;
    const NmeaSentence& sentence;
    MessageOutput& output;
    NmeaClock& clock;
    std::size_t offset;
    std::string_view sensor = {};
  };
  struct Kind {
    std::string_view name;
    void (Nmea0183Decoder::*take)(Record&);
  };
  static const Kind kinds[];

  void decode_sentence(std::string_view line, const Message& message, std::size_t offset, MessageOutput& output);
  void take_xdr(Record& record);
  void take_mtw(Record& record);
  void take_mwv(Record& record);
  void take_dbt(Record& record);
  void take_dpt(Record& record);
  void take_rmc(Record& record);
  void take_gga(Record& record);
  void take_zda(Record& record);

  void take_transducer(Record& record, std::size_t first_field);
  void take_position(Record& record, std::size_t first_field);
  void take_angle(Record& record, std::string_view metric, std::string_view text, std::string_view hemisphere);
  // An absent value is nothing.
  void take_number(Record& record, std::string_view metric, std::string_view text, std::string_view unit,
                   double scale = 1);
  void add(Record& record, std::string_view metric, double value, std::string_view unit);
  std::string_view expand(const TextTemplate& text, const Record& record, std::string_view metric);

  std::optional<TextTemplate> sensor_;
  std::optional<TextTemplate> metric_;
  NmeaClocks clocks_;
  std::string scratch_;
};

extern const Format nmea0183_format;

}  // namespace edgetide
