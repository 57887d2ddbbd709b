#include "daemon/decoders/nmea0183_decoder.h"

#include <gtest/gtest.h>
#include <string>

#include "tests/daemon/decoders/decoded_text.h"

namespace edgetide {
namespace {

MappingOptions sentences() {
  MappingOptions mapping;
  mapping.format = &nmea0183_format;
  return mapping;
}

std::string with_sum(const std::string& body) {
  unsigned sum = 0;
  for (const char c : body) sum ^= static_cast<unsigned char>(c);
  const char* const digits = "0123456789ABCDEF";
  return '$' + body + '*' + digits[sum / 16] + digits[sum % 16] + "\r\n";
}

struct Sentence {
  std::string text, expected;
};

TEST(Nmea0183Decoder, sentences_are_readings) {
  const Sentence cases[] = {
      {"$GPRMC,123519,A,4807.038,N,01131.000,E,022.4,084.4,230394,003.1,W*6A\r\n",
       "GPRMC/latitude[°]=48.1173@764426119000000; GPRMC/longitude[°]=11.5166666666667@764426119000000; "
       "GPRMC/speed[m/s]=11.5235555555556@764426119000000; GPRMC/course[°]=84.4@764426119000000"},
      {"$GPGGA,123519,4807.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,*47",
       "GPGGA/latitude[°]=48.1173; GPGGA/longitude[°]=11.5166666666667; GPGGA/satellites=8; GPGGA/hdop=0.9; "
       "GPGGA/altitude[m]=545.4"},
      {with_sum("GNRMC,081836.75,A,3751.65,S,14507.36,W,,,130926,,,A"),
       "GNRMC/latitude[°]=-37.8608333333333@1789287516750000; GNRMC/longitude[°]=-145.122666666667@1789287516750000"},
      {"$YXXDR,C,19.52,C,TempAir*18", "YXXDR/TempAir[°C]=19.52"},
      {with_sum("WIXDR,P,1.02345,B,Barometer,C,,C,Empty,H,45.2,P,,A,-3.1,D,PTCH"),
       "WIXDR/Barometer[bar]=1.02345; WIXDR/humidity[%]=45.2; WIXDR/PTCH[°]=-3.1"},
      {with_sum("WIXDR,P,101325,P,,G,7,,,Q,1,Z,"), "WIXDR/pressure[Pa]=101325; WIXDR/generic=7; WIXDR/transducer[Z]=1"},
      {"$YXMTW,17.75,C*26", "YXMTW/water_temperature[°C]=17.75"},
      {"$WIMWV,214.8,R,0.1,K,A*28",
       "WIMWV/apparent_wind_angle[°]=214.8; WIMWV/apparent_wind_speed[m/s]=0.0277777777777778"},
      {with_sum("WIMWV,084.0,T,10.4,N,A"), "WIMWV/true_wind_angle[°]=84; WIMWV/true_wind_speed[m/s]=5.35022222222222"},
      {with_sum("WIMWV,084.0,T,10.4,M,V"), ""},
      {"$SDDBT,7.8,f,2.4,M,1.3,F*0D", "SDDBT/depth[m]=2.4"},
      {with_sum("SDDBT,10,f,,M,,F"), "SDDBT/depth[m]=3.048"},
      {with_sum("SDDBT,,f,,M,,F"), ""},
      {with_sum("SDDPT,2.4,-0.5,100"), "SDDPT/depth[m]=2.4; SDDPT/depth_offset[m]=-0.5"},
      {"$IIMTW,9.2,C", "IIMTW/water_temperature[°C]=9.2"},  // no checksum
      {with_sum("GPRMC,123519,V,,,,,,,230394,,"), ""},
      {with_sum("GPGGA,,,,,,0,,,,M,,M,,"), ""},
      {with_sum("GPZDA,,,,,,"), ""},
      {"", ""},
  };
  for (const Sentence& c : cases) EXPECT_EQ(decoded(sentences(), c.text), c.expected) << c.text;
}

TEST(Nmea0183Decoder, bad_sentence_costs_only_itself) {
  const Sentence cases[] = {
      {"$YXMTW,17.75,C*00\n$YXMTW,17.75,C*26", "YXMTW/water_temperature[°C]=17.75; bad_checksum@0"},
      {"$YXMTW,17.75,C*5", "bad_checksum@0"},
      {"$YXMTW,17.75,C*", "bad_checksum@0"},
      {"$YXMTW,17.75,C*26x", "bad_checksum@0"},
      {"YXMTW,17.75,C", "bad_syntax@0"},
      {"$", "bad_syntax@0"},
      {"$MTW,1,C", "bad_syntax@0"},
      {"$YX MT,1,C", "bad_syntax@0"},
      {"!AIVDM,1,1,,B,177KQJ5000G?tO`K>RA1wUbN0TKH,0*5C", "unsupported@0"},
      {"$PGRME,15.0,M,45.0,M,25.0,M*1C", "unsupported@0"},
      {"$GPGSV,2,1,08,01,40,083,46*7", "bad_checksum@0"},
      {"$GPGSV,2,1,08,01,40,083,46", "unsupported@0"},
      {"$YXMTW,63,F", "bad_unit@0"},
      {"$YXMTW,warm,C", "bad_number@0(water_temperature)"},
      {"$YXMTW,nan,C", "not_finite@0(water_temperature)"},
      {"$YXXDR,C,1,C", "bad_syntax@0"},
      {"$YXXDR", "bad_syntax@0"},
      {"$YXXDR,C,1,C,A,C,2,C,A", "YXXDR/A[°C]=1; repeated_name@0(A)"},
      {"$WIMWV,084.0,X,10.4,N,A", "bad_syntax@0"},
      {"$WIMWV,084.0,R,10.4,Q,A", "WIMWV/apparent_wind_angle[°]=84; bad_unit@0"},
      {"$GPRMC,123519,A,4867.038,N,18100.0,E,,,230394,,", "bad_number@0(latitude); bad_number@0(longitude)"},
      {"$GPRMC,123519,A,4807.038,E,1131.0,N,,,230394,,", "bad_number@0(latitude); bad_number@0(longitude)"},
      {"$GPRMC,123519,A,4807.038,N,1131.0,E,,,310294,,", "bad_time@0"},
      {"$GPRMC,253519,A,4807.038,N,1131.0,E,,,230394,,", "bad_time@0"},
      {"$GPRMC,,A,4807.038,N,1131.0,E,,,230394,,", "bad_time@0"},
      {"$YXXDR," + std::string(64, ','), "too_many_values@0"},
  };
  for (const Sentence& c : cases) EXPECT_EQ(decoded(sentences(), c.text), c.expected) << c.text;
}

constexpr std::int64_t midnight = 1'025'740'800'000'000;  // 2002-07-04

TEST(Nmea0183Decoder, time_of_the_last_sentence_with_a_date_holds_for_those_after_it) {
  const std::string zda = "$GPZDA,235959.00,04,07,2002,00,00*64\n", water = "$YXMTW,1,C\n";
  const std::string at = std::to_string(midnight + 86'399'000'000);
  EXPECT_EQ(decoded(sentences(), water + zda + water),
            "YXMTW/water_temperature[°C]=1; YXMTW/water_temperature[°C]=1@" + at);
  // GGA has no date: that of ZDA, or the day after or before.
  const std::string next = std::to_string(midnight + 86'400'500'000), before = std::to_string(midnight - 1'000'000);
  const auto position = [](const std::string& time) { return "$GPGGA," + time + ",0,N,0,E,1,,,,,,,\n"; };
  EXPECT_EQ(
      decoded(sentences(), zda + position("000000.5") + water),
      "GPGGA/latitude[°]=0@" + next + "; GPGGA/longitude[°]=0@" + next + "; YXMTW/water_temperature[°C]=1@" + next);
  EXPECT_EQ(decoded(sentences(), "$GPZDA,000000,04,07,2002,,\n" + position("235959")),
            "GPGGA/latitude[°]=0@" + before + "; GPGGA/longitude[°]=0@" + before);
}

TEST(Nmea0183Decoder, time_that_no_sentence_renews_is_given_up) {
  Router router({RouteOptions{"", sentences()}});
  DecodedBatch batch;
  router.decode("peer", "$GPZDA,000000,04,07,2002,,", batch);
  for (unsigned i = 0; i <= NmeaClock::max_carried; ++i) router.decode("peer", "$YXMTW,1,C", batch);
  ASSERT_EQ(batch.readings.size(), NmeaClock::max_carried + 1);
  EXPECT_EQ(batch.readings[NmeaClock::max_carried - 1].event_time->count(), midnight);
  EXPECT_FALSE(batch.readings.back().event_time);
}

TEST(Nmea0183Decoder, streams_have_their_own_time_and_are_bounded) {
  Router router({RouteOptions{"", sentences()}});
  DecodedBatch batch;
  const auto has_time = [&](const std::string& peer) {
    batch.clear();
    router.decode(peer, "$YXMTW,1,C", batch);
    return batch.readings.at(0).event_time.has_value();
  };
  router.decode("a", "$GPZDA,000000,04,07,2002,,", batch);
  EXPECT_FALSE(has_time("b"));
  EXPECT_TRUE(has_time("a"));
  for (std::size_t i = 0; i < NmeaClocks::max_streams - 1; ++i) {
    EXPECT_FALSE(has_time(std::to_string(i)));
    EXPECT_TRUE(has_time("a") || i > NmeaClock::max_carried / 2);
  }
  for (std::size_t i = 0; i < NmeaClocks::max_streams; ++i) has_time(std::to_string(i));
  EXPECT_FALSE(has_time("a")) << "others have made it go";
}

TEST(Nmea0183Decoder, templates_name_sensor_and_metric) {
  MappingOptions mapping = sentences();
  EXPECT_EQ(decoded(mapping, "$YXMTW,1,C", "boat/{device}", "boat/tide"), "tide/water_temperature[°C]=1");
  mapping.sensor = "{talker}/{sentence}";
  mapping.metric = "{sentence}.{metric}";
  EXPECT_EQ(decoded(mapping, "$YXMTW,1,C"), "YX/MTW/MTW.water_temperature[°C]=1");
  mapping.metric = "{name}";
  EXPECT_EQ(mapping_error(mapping), "metric: '{name}' is neither captured by the topic nor a name of the format");
}

}  // namespace
}  // namespace edgetide
