#include "daemon/decoders/dsmr_decoder.h"

#include <gtest/gtest.h>
#include <memory>
#include <string>

#include "tests/daemon/decoders/decoded_text.h"

namespace edgetide {
namespace {

MappingOptions telegrams() {
  MappingOptions mapping;
  mapping.format = &dsmr_format;
  return mapping;
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size()) {
    text.replace(at, from.size(), to);
  }
  return text;
}

// Five times "0123456789:;<=>?" in hexadecimal.
std::string message_of_example() {
  std::string text;
  for (int i = 0; i < 5; ++i) text += "303132333435363738393A3B3C3D3E3F";
  return text;
}

// The example of the P1 companion standard 5.0.2, section 6.12, whose checksum is E47C.
const std::string example = replaced(replaced(R"(/ISk5\2MT382-1000

1-3:0.2.8(50)
0-0:1.0.0(101209113020W)
0-0:96.1.1(4B384547303034303436333935353037)
1-0:1.8.1(123456.789*kWh)
1-0:1.8.2(123456.789*kWh)
1-0:2.8.1(123456.789*kWh)
1-0:2.8.2(123456.789*kWh)
0-0:96.14.0(0002)
1-0:1.7.0(01.193*kW)
1-0:2.7.0(00.000*kW)
0-0:96.7.21(00004)
0-0:96.7.9(00002)
1-0:99.97.0(2)(0-0:96.7.19)(101208152415W)(0000000240*s)(101208151004W)(0000000301*s)
1-0:32.32.0(00002)
1-0:52.32.0(00001)
1-0:72.32.0(00000)
1-0:32.36.0(00000)
1-0:52.36.0(00003)
1-0:72.36.0(00000)
0-0:96.13.0(MESSAGE)
1-0:32.7.0(220.1*V)
1-0:52.7.0(220.2*V)
1-0:72.7.0(220.3*V)
1-0:31.7.0(001*A)
1-0:51.7.0(002*A)
1-0:71.7.0(003*A)
1-0:21.7.0(01.111*kW)
1-0:41.7.0(02.222*kW)
1-0:61.7.0(03.333*kW)
1-0:22.7.0(04.444*kW)
1-0:42.7.0(05.555*kW)
1-0:62.7.0(06.666*kW)
0-1:24.1.0(003)
0-1:96.1.0(3232323241424344313233343536373839)
0-1:24.2.1(101209112500W)(12785.123*m3)
!E47C
)",
                                              "MESSAGE", message_of_example()),
                                     "\n", "\r\n");

// What stands between the name of the sensor and the times of the readings is left out.
std::string readings_of_example() {
  std::string text = replaced(decoded(telegrams(), example), "K8EG004046395507/", "");
  return replaced(text, "@1291890620000000", "");
}

TEST(DsmrDecoder, telegram_of_the_standard_is_readings_at_its_time) {
  EXPECT_EQ(readings_of_example(),
            "energy_import_t1[kWh]=123456.789; energy_import_t2[kWh]=123456.789; energy_export_t1[kWh]=123456.789; "
            "energy_export_t2[kWh]=123456.789; tariff=2; power_import[kW]=1.193; power_export[kW]=0; power_failures=4; "
            "long_power_failures=2; voltage_sags_l1=2; voltage_sags_l2=1; voltage_sags_l3=0; voltage_swells_l1=0; "
            "voltage_swells_l2=3; voltage_swells_l3=0; voltage_l1[V]=220.1; voltage_l2[V]=220.2; voltage_l3[V]=220.3; "
            "current_l1[A]=1; current_l2[A]=2; current_l3[A]=3; power_import_l1[kW]=1.111; power_import_l2[kW]=2.222; "
            "power_import_l3[kW]=3.333; power_export_l1[kW]=4.444; power_export_l2[kW]=5.555; "
            "power_export_l3[kW]=6.666; gas[m3]=12785.123@1291890300000000{channel=1}");
}

TEST(DsmrDecoder, checksum_of_a_telegram_is_checked_whatever_the_ends_of_its_lines) {
  const std::string whole = decoded(telegrams(), example);
  EXPECT_EQ(decoded(telegrams(), replaced(example, "\r\n", "\n")), whole);
  EXPECT_EQ(decoded(telegrams(), replaced(example, "!E47C", "!e47c")), whole);
  EXPECT_EQ(decoded(telegrams(), "\r\n" + example + example), whole + "; " + whole);
  for (const char* end : {"!E47D", "!E47", "!E47C0", "!", "!XXXX", "! 47C"}) {
    EXPECT_EQ(decoded(telegrams(), replaced(example, "!E47C", end)), "bad_checksum@0") << end;
  }
  EXPECT_EQ(decoded(telegrams(), replaced(example, "01.193", "01.194")), "bad_checksum@0");
  EXPECT_EQ(decoded(telegrams(), replaced(example, "01.193", "01.194") + example), whole + "; bad_checksum@0");
}

TEST(DsmrDecoder, what_is_not_a_whole_telegram_is_refused) {
  const std::string whole = decoded(telegrams(), example);
  const std::string tail = example.substr(100), head = example.substr(0, 100);
  EXPECT_EQ(decoded(telegrams(), tail), "bad_syntax@0");
  EXPECT_EQ(decoded(telegrams(), head), "bad_syntax@0");
  EXPECT_EQ(decoded(telegrams(), tail + example), whole + "; bad_syntax@0");
  EXPECT_EQ(decoded(telegrams(), head + "\r\n" + example), whole + "; bad_syntax@0");
  EXPECT_EQ(decoded(telegrams(), "{\"power\":1}"), "bad_syntax@0");
  EXPECT_EQ(decoded(telegrams(), "/"), "bad_syntax@0");
  EXPECT_EQ(decoded(telegrams(), "!"), "bad_syntax@0");
  EXPECT_EQ(decoded(telegrams(), " \r\n"), "");
}

// Without a time and a checksum, and the value of gas in the line after.
const std::string older = R"(/ISk5\2MT382-1004

0-0:96.1.1(00000000000000)
1-0:1.8.1(00001.001*kWh)
0-0:17.0.0(016*A)
0-0:96.3.10(1)
0-0:96.13.1()
0-1:24.1.0(3)
0-1:24.3.0(090212160000)(00)(60)(1)(0-1:24.2.1)(m3)
(00001.001)
!
)";

TEST(DsmrDecoder, telegrams_of_dsmr_2_and_3_have_no_time_and_gas_that_of_the_zone) {
  MappingOptions mapping = telegrams();
  const std::string before =
      "00000000000000/energy_import_t1[kWh]=1.001; 00000000000000/power_limit[A]=16; 00000000000000/breaker=1; "
      "00000000000000/gas[m3]=1.001@";
  EXPECT_EQ(decoded(mapping, older), before + "1234454400000000{channel=1}");
  mapping.time_zone = std::make_shared<TimeZone>(
      "Europe/Test", std::vector<TimeZone::Offset>{{Timestamp::earliest(), Duration::hours(1)}});
  EXPECT_EQ(decoded(mapping, older), before + "1234450800000000{channel=1}");
}

std::string telegram(const std::string& lines) {
  return "/XMX5LGBBFG\n\n" + lines + "!\n";
}

TEST(DsmrDecoder, objects_of_other_meters_and_bad_ones) {
  const struct {
    std::string lines, expected;
  } cases[] = {
      // Belgium: the peak of the month, whose own time would be too old, and water, which has its own; summer time.
      {"0-0:1.0.0(210513174500S)\n1-0:1.6.0(210509134558S)(02.589*kW)\n0-2:24.1.0(007)\n"
       "0-2:24.2.1(210513174459S)(00000.091*m3)\n",
       "XMX5LGBBFG/peak_demand_import[kW]=2.589@1620920700000000; "
       "XMX5LGBBFG/water[m3]=0.091@1620920699000000{channel=2}"},
      // Two gas meters: the former one is not mixed with the new one.
      {"0-1:24.1.0(003)\n0-2:24.1.0(003)\n0-1:24.2.1(210513174459W)(1*m3)\n0-2:24.2.3(210513174459W)(2*m3)\n",
       "XMX5LGBBFG/gas_1[m3]=1@1620924299000000{channel=1}; XMX5LGBBFG/gas_2[m3]=2@1620924299000000{channel=2}"},
      // A channel without a meter has no time, or one that cannot be.
      {"0-1:24.2.1(632525252525S)(00000.000)\n", "XMX5LGBBFG/mbus=0@unreadable{channel=1}"},
      {"0-1:24.2.1(700101010000W)(00000000)\n", "XMX5LGBBFG/mbus=0@3155760000000000{channel=1}"},
      {"0-1:24.1.0(4)\n0-1:24.2.1(210513174459)(9.999*GJ)\n", "XMX5LGBBFG/heat[GJ]=9.999@1620927899000000{channel=1}"},
      // Codes without a name.
      {"1-0:96.5.5*255(80)\n1-0:1.8.0*255(00052185.7825309*kWh)\n",
       "XMX5LGBBFG/1-0:96.5.5=80; XMX5LGBBFG/energy_import[kWh]=52185.7825309"},
      {"0-0:96.1.255(1ESY1313002565)\n0-0:96.13.0()\n1-0:0.0.0(0272031312565)\n", ""},
      // Bad ones.
      {"1-0:1.7.0(*kW)\n1-0:2.7.0(0x1*kW)\n1-0:1.8.1(1*kWh)\n",
       "XMX5LGBBFG/energy_import_t1[kWh]=1; bad_number@0(power_export)"},
      {"1-0:1.7.0(1*kW\n1-0:2.7.0 1\n(1)\n1-0:1.8.1(1*kWh)\n",
       "XMX5LGBBFG/energy_import_t1[kWh]=1; bad_syntax@0; bad_syntax@0"},
      {"1-0:1.7.0(1*kW)x\n", "bad_syntax@0"},
      {"1-0:1.7.0(1*kW)\n1-0:1.7.0(2*kW)\n", "XMX5LGBBFG/power_import[kW]=1; repeated_name@0(power_import)"},
      // Also behind the reading of another meter, and of the same one.
      {"0-1:24.1.0(3)\n1-0:1.7.0(1*kW)\n0-1:24.2.1(210513174459W)(1*m3)\n1-0:1.7.0(2*kW)\n"
       "0-1:24.2.1(210513174459W)(3*m3)\n",
       "XMX5LGBBFG/power_import[kW]=1; XMX5LGBBFG/gas[m3]=1@1620924299000000{channel=1}; "
       "repeated_name@0(power_import); repeated_name@0(gas)"},
      {"0-0:1.0.0(yesterday)\n1-0:1.7.0(1*kW)\n", "XMX5LGBBFG/power_import[kW]=1@unreadable"},
      {"0-0:1.0.0(211301000000W)\n1-0:1.7.0(1*kW)\n", "XMX5LGBBFG/power_import[kW]=1@unreadable"},
      {"", ""},
  };
  for (const auto& c : cases) EXPECT_EQ(decoded(telegrams(), telegram(c.lines)), c.expected) << c.lines;
}

TEST(DsmrDecoder, reading_of_another_meter_counts_once_however_often_it_is_said) {
  MappingOptions mapping = telegrams();
  Router router({{"", mapping}});
  DecodedBatch batch;
  router.decode("", telegram("0-0:1.0.0(210513174500S)\n1-0:1.7.0(1*kW)\n0-1:24.2.1(210513174459S)(1*m3)\n"), batch);
  ASSERT_EQ(batch.readings.size(), 2U);
  EXPECT_EQ(batch.readings[0].counts, Counts::always);
  EXPECT_EQ(batch.readings[1].counts, Counts::if_new);
}

TEST(DsmrDecoder, templates_name_sensor_and_metric) {
  MappingOptions mapping = telegrams();
  const std::string power = telegram("0-0:96.1.1(4B38)\n1-0:1.7.0(1*kW)\n");
  EXPECT_EQ(decoded(mapping, power), "K8/power_import[kW]=1");
  EXPECT_EQ(decoded(mapping, power, "p1/{device}", "p1/house"), "house/power_import[kW]=1");
  mapping.sensor = "{header}-{id}";
  mapping.metric = "{code}";
  EXPECT_EQ(decoded(mapping, power), "XMX5LGBBFG-K8/1-0:1.7.0[kW]=1");
  mapping.metric = "p1.{metric}";
  EXPECT_EQ(decoded(mapping, power), "XMX5LGBBFG-K8/p1.power_import[kW]=1");
  EXPECT_EQ(decoded(mapping, telegram("1-0:1.7.0(1*kW)\n")), "bad_id@0(sensor)") << "it has no identity";
  mapping.sensor = "{name}";
  EXPECT_EQ(mapping_error(mapping), "sensor: '{name}' is neither captured by the topic nor a name of the format");
}

}  // namespace
}  // namespace edgetide
