#include <gtest/gtest.h>
#include <string>

#include "tests/daemon/decoders/decoded_text.h"

namespace edgetide {
namespace {

MappingOptions for_sensor(std::string sensor = "s") {
  MappingOptions mapping;
  mapping.sensor = std::move(sensor);
  return mapping;
}

MappingOptions listing(std::vector<ValueField> values) {
  MappingOptions mapping = for_sensor();
  mapping.values = std::move(values);
  return mapping;
}

TEST(JsonDecoder, without_values_every_value_is_taken_by_its_path) {
  const struct {
    const char* payload;
    const char* expected;
  } cases[] = {
      {R"({"temperature":21.58,"humidity":45})", "s/temperature=21.58; s/humidity=45"},
      {R"({"battery":100,"update":{"installed":3},"on":true,"state":"ON","x":null,"n":"5"})",
       "s/battery=100; s/update.installed=3; s/on=1; s/state=1; s/n=5"},
      {R"({"LD2410":{"Distance":[200.0,181.5]}})", "s/LD2410.Distance[0]=200; s/LD2410.Distance[1]=181.5"},
      {R"({"model":"WSDCGQ11LM","Id":"000005663939","unit":"C","ts":"12:30"})", ""},
      {"23.4", "s/value=23.4"},
      {"\"23.4\"", "s/value=23.4"},
      {"{}", ""},
      {"[]", ""},
      {"null", ""},
      {R"({"a\u202eb":1})", "bad_id@0(a\u202eb)"},
  };
  for (const auto& c : cases) EXPECT_EQ(decoded(for_sensor(), c.payload), c.expected) << c.payload;
  EXPECT_EQ(decoded(for_sensor(), "{\"" + std::string(129, 'k') + "\":1}"), "bad_id@0(" + std::string(128, 'k') + ')');
  EXPECT_EQ(decoded(for_sensor(), R"({"a\u0000b":1,"c":2})"), std::string("s/c=2; bad_id@0(a\0b)", 20));
  Router router({{"", for_sensor()}});
  for (int i = 0; i < 3; ++i) {  // also of a shape that is known
    DecodedBatch batch;
    router.decode("", R"({"a\u202eb":1,"c":2})", batch);
    EXPECT_EQ(to_text(batch), "s/c=2; bad_id@0(a\u202eb)");
  }
}

TEST(JsonDecoder, listed_values_are_converted_and_named) {
  const auto mapping = listing({{.path = "t", .metric = "temperature", .unit = "°C"},
                                {.path = "p_psi", .metric = "pressure", .unit = "kPa", .scale = 2, .offset = 1},
                                {.path = "deep.v"}});
  EXPECT_EQ(decoded(mapping, R"({"t":21.5,"p_psi":10,"deep":{"v":-1},"other":9})"),
            "s/temperature[°C]=21.5; s/pressure[kPa]=21; s/v=-1");
}

TEST(JsonDecoder, listed_value_is_converted_from_one_unit_to_another) {
  const struct {
    const char* convert;
    const char* payload;
    const char* expected;
  } cases[] = {
      {"F->C", R"({"v":212})", "s/v[C]=100"},
      {"°F -> °C", R"({"v":"32"})", "s/v[°C]=0"},
      {"F->C", R"({"v":"21 °C"})", "s/v[C]=21"},
      {"F->C", R"({"v":"5 A"})", "bad_unit@0(v)"},
      {"mbar->hPa", R"({"v":1013.25})", "s/v[hPa]=1013.25"},
      {"Wh->kWh", R"({"v":1500})", "s/v[kWh]=1.5"},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(decoded(listing({{.path = "v", .convert = c.convert}}), c.payload), c.expected) << c.payload;
  }
  EXPECT_EQ(decoded(listing({{.path = "v", .convert = "K->C", .scale = 2, .offset = 1}}), R"({"v":273.15})"),
            "s/v[C]=1");
}

TEST(JsonDecoder, payload_may_name_the_unit_of_a_value) {
  const auto mapping = listing({{.path = "DS18B20.Temperature", .unit = "°C", .unit_path = "TempUnit"}});
  const struct {
    const char* payload;
    const char* expected;
  } cases[] = {
      {R"({"DS18B20":{"Temperature":50},"TempUnit":"F"})", "s/Temperature[°C]=10"},
      {R"({"DS18B20":{"Temperature":50},"TempUnit":"C"})", "s/Temperature[°C]=50"},
      {R"({"DS18B20":{"Temperature":50}})", "s/Temperature[°C]=50"},
      {R"({"DS18B20":{"Temperature":50},"TempUnit":"V"})", "bad_unit@0(DS18B20.Temperature)"},
      {R"({"DS18B20":{"Temperature":50},"TempUnit":7})", "bad_unit@0(DS18B20.Temperature)"},
  };
  for (const auto& c : cases) EXPECT_EQ(decoded(mapping, c.payload), c.expected) << c.payload;
}

TEST(JsonDecoder, rows_of_parallel_arrays_are_records) {
  MappingOptions mapping = for_sensor();
  mapping.each = {"hourly"};
  mapping.time.path = "time";
  mapping.parallel_arrays = true;
  const struct {
    const char* payload;
    const char* expected;
  } cases[] = {
      {R"({"hourly":{"time":[10,20],"t":[1.5,2.5],"h":[40,null]}})",
       "s/t=1.5@10000000; s/h=40@10000000; s/t=2.5@20000000"},
      {R"({"hourly":{"time":[10,20],"t":[1.5]}})", "s/t=1.5@10000000"},
      {R"({"hourly":{"time":[10],"t":[1.5,2.5]}})", "s/t=1.5@10000000; s/t=2.5"},
      {R"({"hourly":{"time":[],"t":[]}})", ""},
      {R"({"hourly":{"time":[10],"t":["x"],"h":["7"]}})", "s/h=7@10000000"},
      {R"({"hourly":{"time":[10,20],"xyz":[[1,2],[3]],"t":[5,6]}})",
       "s/xyz[0]=1@10000000; s/xyz[1]=2@10000000; s/t=5@10000000; s/xyz[0]=3@20000000; s/t=6@20000000"},
      {R"({"hourly":{"time":[10],"o":[{"a":[1,2]}]}})", "s/o.a[0]=1@10000000; s/o.a[1]=2@10000000"},
  };
  for (const auto& c : cases) EXPECT_EQ(decoded(mapping, c.payload), c.expected) << c.payload;
  mapping.each = {};
  mapping.values = {{.path = "t"}};
  EXPECT_EQ(decoded(mapping, R"({"time":[10,20],"t":[1,2],"h":[3,4]})"), "s/t=1@10000000; s/t=2@20000000");
  std::string many = R"({"t":[0)";
  for (std::size_t i = 0; i < max_values_per_message; ++i) many += ",1";
  EXPECT_EQ(decoded(mapping, many + "]}"), "too_many_values@0");
}

TEST(JsonDecoder, last_name_of_a_path_of_records_may_be_optional) {
  MappingOptions mapping = for_sensor();
  mapping.each = {"[*].values?", "values?"};
  mapping.time.path = "ts";
  const struct {
    const char* payload;
    const char* expected;
  } cases[] = {
      {R"([{"ts":10,"values":{"t":1}},{"t":2}])", "s/t=1@10000000; s/t=2"},
      {R"([{"ts":10,"t":1},{"t":2},3])", "s/t=1@10000000; s/t=2; s/value=3"},
      {R"({"ts":10,"values":{"t":1}})", "s/t=1@10000000"},
      {R"({"t":1})", "s/t=1"},
      {"[]", ""},
  };
  for (const auto& c : cases) EXPECT_EQ(decoded(mapping, c.payload), c.expected) << c.payload;
  for (const char* bad : {"?", "a.?", "a[*]?", "*?"}) {
    mapping.each = {bad};
    EXPECT_EQ(mapping_error(mapping), "each: path '" + std::string(bad) + "': '?' follows a plain name");
  }
}

TEST(JsonDecoder, date_and_time_of_day_may_be_apart) {
  MappingOptions no_date = for_sensor();
  no_date.time = {.path = "", .time_of_day = "time"};
  EXPECT_EQ(mapping_error(no_date), "time: time_of_day has no path beside it, which leads to the date");
  MappingOptions mapping = listing({{.path = "v"}});
  mapping.time = {.path = "date", .time_of_day = "time"};
  EXPECT_EQ(decoded(mapping, R"({"date":"1970-01-02","time":"00:00:01","v":1})"), "s/v=1@86401000000");
  EXPECT_EQ(decoded(mapping, R"({"date":"1970-01-02T00:00:02Z","v":1})"), "s/v=1@86402000000");
  EXPECT_EQ(decoded(mapping, R"({"date":"1970-01-02","time":"x","v":1})"), "s/v=1@unreadable");
}

TEST(JsonDecoder, listed_value_of_another_kind) {
  const auto mapping = listing({{.path = "v"}});
  const struct {
    const char* payload;
    const char* expected;
  } cases[] = {
      {R"({"v":true})", "s/v=1"},
      {R"({"v":false})", "s/v=0"},
      {R"({"v":"52.6"})", "s/v=52.6"},
      {R"({"v":"1,5 °C"})", "s/v=1.5"},
      {R"({"v":null})", ""},
      {R"({"w":1})", ""},
      {R"({"v":"heating"})", "bad_number@0(v)"},
      {R"({"v":"nan"})", "not_finite@0(v)"},
      {R"({"v":""})", "bad_number@0(v)"},
      {R"({"v":{}})", "bad_number@0(v)"},
      {R"({"v":[1]})", "bad_number@0(v)"},
  };
  for (const auto& c : cases) EXPECT_EQ(decoded(mapping, c.payload), c.expected) << c.payload;
}

TEST(JsonDecoder, without_coercion_quoted_numbers_are_refused) {
  auto mapping = listing({{.path = "v"}});
  mapping.coerce_strings = false;
  EXPECT_EQ(decoded(mapping, R"({"v":"52.6"})"), "bad_number@0(v)");
}

TEST(JsonDecoder, one_bad_value_costs_only_itself) {
  const auto mapping = listing({{.path = "a"}, {.path = "b"}, {.path = "c", .scale = 1e308}});
  EXPECT_EQ(decoded(mapping, R"({"a":1,"b":"x","c":1e308})"), "s/a=1; bad_number@0(b); not_finite@0(c)");
}

TEST(JsonDecoder, wildcards_name_metrics_by_what_they_matched) {
  const char* payload = R"({"DS18B20-1":{"Id":"05","Temperature":13.3},"DS18B20-2":{"Temperature":14},"TempUnit":"C"})";
  EXPECT_EQ(decoded(listing({{.path = "*.Temperature"}}), payload),
            "s/DS18B20-1.Temperature=13.3; s/DS18B20-2.Temperature=14");
  EXPECT_EQ(decoded(listing({{.path = "r[*].v"}}), R"({"r":[{"v":1},{"w":2},{"v":3}]})"), "s/r[0].v=1; s/r[2].v=3");
  EXPECT_EQ(decoded(listing({{.path = "a.LD2410.Distance[*]"}}), R"({"a":{"LD2410":{"Distance":[200,181.5]}}})"),
            "s/Distance[0]=200; s/Distance[1]=181.5");
  EXPECT_EQ(decoded(listing({{.path = "[1]"}}), "[5,6]"), "s/value=6");
}

TEST(JsonDecoder, time_is_read_from_its_path) {
  MappingOptions mapping = for_sensor();
  mapping.time.path = "ts";
  EXPECT_EQ(decoded(mapping, R"({"ts":1732100000123,"v":1})"), "s/v=1@1732100000123000");
  EXPECT_EQ(decoded(mapping, R"({"ts":"1732100000123","v":1})"), "s/v=1@1732100000123000");
  EXPECT_EQ(decoded(mapping, R"({"ts":"2024-11-20T10:53:20.123Z","v":1})"), "s/v=1@1732100000123000");
  EXPECT_EQ(decoded(mapping, R"({"ts":1680962879.62,"v":1})"), "s/v=1@1680962879620000");
  EXPECT_EQ(decoded(mapping, R"({"v":1})"), "s/v=1") << "no time: the arrival time";
  EXPECT_EQ(decoded(mapping, R"({"ts":null,"v":1})"), "s/v=1");
  for (const char* payload :
       {R"({"ts":"2021-01-02","v":1})", R"({"ts":"now","v":1})", R"({"ts":{},"v":1})", R"({"ts":true,"v":1})",
        R"({"ts":1e300,"v":1})", R"({"ts":18446744073709551616000,"v":1})"}) {
    EXPECT_EQ(decoded(mapping, payload).substr(0, 16), "s/v=1@unreadable") << payload;
  }
  mapping.time = {"params.ts", TimeFormat::unix_s};
  EXPECT_EQ(decoded(mapping, R"({"params":{"ts":1,"temperature:0":{"tC":19.8}}})"),
            "s/params.temperature:0.tC=19.8@1000000");
}

TEST(JsonDecoder, nanosecond_integer_keeps_its_microseconds) {
  MappingOptions mapping = for_sensor();
  mapping.time = {"ts", TimeFormat::unix_ns};
  EXPECT_EQ(decoded(mapping, R"({"ts":1732100000123456789,"v":1})"), "s/v=1@1732100000123456");
}

TEST(JsonDecoder, each_makes_records_of_elements_with_time_and_labels_from_around) {
  MappingOptions mapping = for_sensor();
  mapping.each = {"readings[*]"};
  mapping.time.path = "ts";
  mapping.labels = {{"model", "hw.model"}, {"slot", "slot"}};
  mapping.values = {{.path = "t"}};
  EXPECT_EQ(decoded(mapping,
                    R"({"ts":1,"hw":{"model":"x1"},"readings":[{"t":1},{"ts":2,"t":2,"slot":7},{"ts":null,"t":3}]})"),
            "s/t=1@1000000{model=x1}; s/t=2@2000000{model=x1,slot=7}; s/t=3@1000000{model=x1}");
  EXPECT_EQ(decoded(mapping, R"({"ts":1})"), "");
  EXPECT_EQ(decoded(mapping, R"({"readings":[{"ts":"x","t":1},{"t":2}]})"), "s/t=1@unreadable; s/t=2");
}

TEST(JsonDecoder, each_may_lead_to_one_object_or_be_left_out_for_a_list) {
  MappingOptions mapping = for_sensor();
  mapping.time = {"received_at", TimeFormat::automatic};
  mapping.each = {"uplink_message.decoded_payload"};
  EXPECT_EQ(decoded(mapping, R"({"received_at":1,"uplink_message":{"f_port":2,"decoded_payload":{"t":29.9}}})"),
            "s/t=29.9@1000000");
  mapping.each = {"uplink_message"};
  EXPECT_EQ(decoded(mapping, R"({"received_at":1,"uplink_message":[{"t":1},{"t":2}]})"),
            "s/t=1@1000000; s/t=2@1000000");
  mapping = for_sensor();
  mapping.time.path = "ts";
  mapping.each.clear();
  EXPECT_EQ(decoded(mapping, R"([{"ts":1,"values":{"a":1}},{"ts":2,"values":{"a":2}}])"),
            "s/values.a=1@1000000; s/values.a=2@2000000");
}

TEST(JsonDecoder, payload_names_the_sensor_and_the_template_stands_in) {
  MappingOptions mapping;
  mapping.sensor_path = "id";
  EXPECT_EQ(decoded(mapping, R"({"id":"4C:65","rssi":-82})"), "4C:65/rssi=-82");
  EXPECT_EQ(decoded(mapping, R"({"id":5,"rssi":-82})"), "5/rssi=-82");
  EXPECT_EQ(decoded(mapping, R"({"rssi":-82})"), "bad_id@0(id)");
  EXPECT_EQ(decoded(mapping, R"({"id":"","rssi":-82})"), "bad_id@0(id)");
  EXPECT_EQ(decoded(mapping, R"({"id":{"x":1},"rssi":-82})"), "bad_id@0(id)");
  EXPECT_EQ(decoded(mapping, R"({"id":"a\nb","rssi":-82})"), "bad_id@0(id)");
  mapping.sensor = "unnamed";
  EXPECT_EQ(decoded(mapping, R"({"rssi":-82})"), "unnamed/rssi=-82");
  EXPECT_EQ(decoded({}, R"({"t":1})", "zigbee2mqtt/{device}", "zigbee2mqtt/lamp"), "lamp/t=1");
}

TEST(JsonDecoder, record_with_a_metric_names_its_values_by_it) {
  EXPECT_EQ(decoded({}, R"({"value":1,"min":0})", "s/{device}/{metric}", "s/a/t"), "a/t=1; a/t.min=0");
  EXPECT_EQ(decoded({}, "5", "s/{device}/{metric}", "s/a/t"), "a/t=5");
  MappingOptions mapping = for_sensor();
  mapping.metric_path = "n";
  mapping.each = {"e"};
  mapping.values = {{.path = "v", .unit = "A"}};
  EXPECT_EQ(decoded(mapping, R"({"e":[{"n":"current","v":1.2},{"n":"voltage","v":120},{"v":3}]})"),
            "s/current[A]=1.2; s/voltage[A]=120; bad_id@0(n)");
  mapping.values = {{.path = "v"}, {.path = "w"}, {.path = "x", .metric = "own"}};
  EXPECT_EQ(decoded(mapping, R"({"e":[{"n":"m","v":1,"w":2,"x":3}]})"), "s/m.v=1; s/m.w=2; s/own=3");
}

TEST(JsonDecoder, labels_are_scalars_and_missing_ones_are_left_out) {
  MappingOptions mapping = for_sensor();
  mapping.labels = {{"a", "l.a"}, {"b", "l.b"}, {"c", "l.c"}, {"d", "l.d"}, {"e", "l.e"}};
  mapping.values = {{.path = "v"}};
  EXPECT_EQ(decoded(mapping, R"({"v":1,"l":{"a":"x","b":5,"c":1.5,"d":true,"e":null}})"),
            "s/v=1{a=x,b=5,c=1.5,d=true}");
  EXPECT_EQ(decoded(mapping, R"({"v":1})"), "s/v=1");
  EXPECT_EQ(decoded(mapping, R"({"v":1,"l":{"a":""}})"), "s/v=1{a=}");
  EXPECT_EQ(decoded(mapping, R"({"v":1,"l":{"a":[1]}})"), "bad_id@0(a)");
  EXPECT_EQ(decoded(mapping, R"({"v":1,"l":{"a":"x\n"}})"), "bad_id@0(a)");
}

TEST(JsonDecoder, fields_that_are_time_sensor_or_label_are_no_values) {
  MappingOptions mapping;
  mapping.sensor_path = "id";
  mapping.time.path = "ts";
  mapping.labels = {{"channel", "channel"}};
  EXPECT_EQ(decoded(mapping, R"({"ts":1,"id":5,"channel":2,"temperature_C":20.1})"),
            "5/temperature_C=20.1@1000000{channel=2}");
}

TEST(JsonDecoder, invalid_or_too_deep_json_is_one_refusal) {
  EXPECT_EQ(decoded({}, "Online", "tele/{device}/LWT", "tele/a/LWT"), "bad_syntax@0(tele/a/LWT)");
  EXPECT_EQ(decoded(for_sensor(), std::string(max_json_depth + 1, '[') + "1" + std::string(max_json_depth + 1, ']')),
            "too_deep@0");
  EXPECT_EQ(decoded(for_sensor(), std::string(max_payload_bytes + 1, ' ')), "too_large@0");
}

std::string list_of(std::size_t count, const std::string& element) {
  std::string list = "[";
  for (std::size_t i = 0; i < count; ++i) list += (i == 0 ? "" : ",") + element;
  return list + "]";
}

TEST(JsonDecoder, message_with_too_many_values_is_refused_as_a_whole) {
  MappingOptions mapping = for_sensor();
  mapping.labels = {{"l", "l"}};
  mapping.values = {{.path = "v"}, {.path = "w"}};
  Router router({{"", mapping}});
  DecodedBatch batch;
  router.decode("", list_of(max_values_per_message, R"({"v":1,"l":"x"})"), batch);
  EXPECT_EQ(batch.readings.size(), max_values_per_message);
  EXPECT_TRUE(batch.refusals.empty());
  batch.clear();
  router.decode("", R"({"v":1})", batch);
  router.decode("", list_of(max_values_per_message, R"({"v":1,"w":"bad","l":"x"})"), batch);
  EXPECT_EQ(to_text(batch), "s/v=1; too_many_values@0");
  EXPECT_TRUE(batch.labels.empty());
}

TEST(JsonDecoder, several_documents_are_read_one_by_one) {
  const struct {
    const char* payload;
    const char* expected;
  } cases[] = {
      {R"({"a":1}{"b":2})", "s/a=1; s/b=2"},
      {"{\"a\":1}\n{\"a\":2}\n", "s/a=1; s/a=2"},
      {"\x1e[1,2]\n\x1e{\"a\":\"}{\"}", "s/[0]=1; s/[1]=2"},
      {R"({"a":1} {"b":} {"c":3})", "s/a=1; s/c=3; bad_syntax@8"},
      {R"({"a":1} {"b":2)", "s/a=1; bad_syntax@8"},
      {R"({"a":1}x)", "s/a=1; bad_syntax@0"},
      {R"({"a":NaN}{"b":2})", "s/b=2; not_finite@0(a)"},
      {R"({"a":1)", "bad_syntax@0"},
      {"1 2", "bad_syntax@0"},
  };
  for (const auto& c : cases) EXPECT_EQ(decoded(for_sensor(), c.payload), c.expected) << c.payload;
}

TEST(JsonDecoder, documents_of_a_message_are_bounded_together) {
  std::string documents;
  for (std::size_t i = 0; i <= max_values_per_message; ++i) documents += "{}";
  EXPECT_EQ(decoded(for_sensor(), documents), "too_many_values@0");
}

TEST(JsonDecoder, first_path_of_records_that_leads_somewhere_counts) {
  MappingOptions mapping = for_sensor();
  mapping.each = {"[*].values", "values", ""};
  mapping.time = {"ts", TimeFormat::unix_s};
  EXPECT_EQ(decoded(mapping, R"({"t":1})"), "s/t=1");
  EXPECT_EQ(decoded(mapping, R"({"ts":5,"values":{"t":1}})"), "s/t=1@5000000");
  EXPECT_EQ(decoded(mapping, R"([{"ts":5,"values":{"t":1}},{"ts":6,"values":{"t":2}}])"),
            "s/t=1@5000000; s/t=2@6000000");
  EXPECT_EQ(decoded(mapping, R"([{"ts":5,"t":1},{"t":2}])"), "s/t=1@5000000; s/t=2");
}

TEST(JsonDecoder, template_may_name_what_the_payload_has) {
  MappingOptions mapping;
  mapping.sensor = "{payload.model}-{payload.id}";
  EXPECT_EQ(decoded(mapping, R"({"model":"Nexus","id":5,"t":1})"), "Nexus-5/t=1");
  EXPECT_EQ(decoded(mapping, R"({"model":"Nexus","t":1})"), "bad_id@0(sensor)");
  mapping.sensor = "{payload.gw.mac}/{record.name}";
  mapping.each = {"tags.*"};
  EXPECT_EQ(decoded(mapping, R"({"gw":{"mac":"AA"},"tags":{"b1":{"t":1},"b2":{"t":2}}})"), "AA/b1/t=1; AA/b2/t=2");
  mapping.sensor = "{area}/{payload.id}";
  EXPECT_EQ(decoded(mapping, R"({"id":"x","tags":{"b":{"t":1}}})", "{area}", "hall"), "hall/x/t=1");
  EXPECT_EQ(mapping_error(mapping), "sensor: '{area}' is not captured by the topic, which captures nothing");
}

TEST(JsonDecoder, every_member_may_be_a_label) {
  MappingOptions mapping;
  mapping.each = {"metrics[*].fields", "fields"};
  mapping.sensor_path = "tags.host";
  mapping.metric_path = "name";
  mapping.labels = {{"*", "tags.*"}};
  const std::string cpu = R"({"name":"cpu","fields":{"idle":98.5,"note":"x"},"tags":{"host":"h","cpu":"cpu0"}})";
  EXPECT_EQ(decoded(mapping, cpu), "h/cpu.idle=98.5{host=h,cpu=cpu0}");
  EXPECT_EQ(decoded(mapping, "{\"metrics\":[" + cpu + "," + cpu + "]}"),
            "h/cpu.idle=98.5{host=h,cpu=cpu0}; h/cpu.idle=98.5{host=h,cpu=cpu0}");
  EXPECT_EQ(decoded(mapping, R"({"name":"c","fields":{"i":1},"tags":{"x":{},"host":"h","y":"\n"}})"),
            "h/c.i=1{host=h}; bad_id@0(x); bad_id@0(y)")
      << "a bad one is left out";
  std::string tags, labels = "host=h";
  for (int i = 0; i < 32; ++i) {
    tags += ",\"t" + std::to_string(i) + "\":1";
    if (i < 31) labels += ",t" + std::to_string(i) + "=1";
  }
  EXPECT_EQ(decoded(mapping, R"({"name":"c","fields":{"i":1},"tags":{"host":"h")" + tags + "}}"),
            "h/c.i=1{" + labels + "}; bad_id@0(t31)")
      << "there are 32 at most";
}

TEST(JsonDecoder, what_is_ignored_is_not_taken_with_all_in_it) {
  MappingOptions mapping = for_sensor();
  mapping.ignore = {"update", "*.id", "*Unit"};
  EXPECT_EQ(decoded(mapping, R"({"t":1,"id":2,"update":{"v":3},"chip":{"id":4,"t":5},"TempUnit":6,"updates":7})"),
            "s/t=1; s/id=2; s/chip.t=5; s/updates=7");
}

TEST(JsonDecoder, records_without_values_are_bounded_too) {
  MappingOptions mapping = for_sensor();
  mapping.values = {{.path = "v"}};
  EXPECT_EQ(decoded(mapping, list_of(max_values_per_message, "{}")), "");
  EXPECT_EQ(decoded(mapping, list_of(max_values_per_message + 1, "{}")), "too_many_values@0");
}

TEST(JsonDecoder, readings_of_several_messages_live_side_by_side) {
  MappingOptions mapping;
  mapping.sensor_path = "id";
  mapping.labels = {{"l", "l"}};
  Router router({{"", mapping}});
  DecodedBatch batch;
  for (const char* payload : {R"({"id":"a","l":"x","t":1})", R"({"id":"bb","l":"yy","u":2})", "oops"}) {
    router.decode("", payload, batch);
  }
  EXPECT_EQ(to_text(batch), "a/t=1{l=x}; bb/u=2{l=yy}; bad_syntax@0");
}

TEST(JsonDecoder, second_value_of_one_name_in_a_record_is_refused) {
  const struct {
    const char* payload;
    const char* expected;
  } cases[] = {
      {R"({"a":1,"a":2,"b":3})", "s/a=1; s/b=3; repeated_name@0(a)"},
      {R"({"a.b":1,"a":{"b":2}})", "s/a.b=1; repeated_name@0(a.b)"},
      {R"({"a[0]":1,"a":[2]})", "s/a[0]=1; repeated_name@0(a[0])"},
      {R"({"a":"text","a":2})", "s/a=2"},
      {R"([{"a":1},{"a":2}])", "s/[0].a=1; s/[1].a=2"},
      {"[1,2]", "s/[0]=1; s/[1]=2"},
      {"[[1,2],[3]]", "s/[0][0]=1; s/[0][1]=2; s/[1][0]=3"},
  };
  for (const auto& c : cases) EXPECT_EQ(decoded(for_sensor(), c.payload), c.expected) << c.payload;
}

TEST(JsonDecoder, second_value_of_one_name_is_refused_where_values_are_listed) {
  const struct {
    std::vector<ValueField> values;
    const char* payload;
    const char* expected;
  } cases[] = {
      {{{.path = "v"}}, R"({"v":1,"v":2})", "s/v=1; repeated_name@0(v)"},
      {{{.path = "v", .metric = "m"}}, R"({"v":1,"v":2})", "s/m=1; repeated_name@0(m)"},
      {{{.path = "v"}}, R"({"v":null,"v":2})", "s/v=2"},
      {{{.path = "v"}}, R"({"v":{},"v":2})", "s/v=2; bad_number@0(v)"},
      {{{.path = "x.v"}, {.path = "w"}}, R"({"x":{"v":1},"x":{"v":2},"w":3})", "s/v=1; s/w=3; repeated_name@0(v)"},
      {{{.path = "a[0]"}}, R"({"a":[1],"a":[2]})", "s/a=1; repeated_name@0(a)"},
      {{{.path = "*.v"}}, R"({"a":{"v":1},"a":{"v":2}})", "s/a.v=1; repeated_name@0(a.v)"},
      {{{.path = "r[*].v"}}, R"({"r":[{"v":1}],"r":[{"v":2}]})", "s/r[0].v=1; repeated_name@0(r[0].v)"},
  };
  for (const auto& c : cases) EXPECT_EQ(decoded(listing(c.values), c.payload), c.expected) << c.payload;
  MappingOptions mapping = listing({{.path = "v"}});
  mapping.metric_path = "m";
  EXPECT_EQ(decoded(mapping, R"({"m":"t","v":1,"v":2})"), "s/t=1; repeated_name@0(t)");
  mapping.values = {{.path = "value"}, {.path = "w", .metric = "t"}};
  EXPECT_EQ(decoded(mapping, R"({"m":"t","value":1,"w":2})"), "s/t=1; repeated_name@0(t)");
}

TEST(JsonDecoder, second_list_of_records_of_one_name_is_taken_too) {
  MappingOptions mapping = for_sensor();
  mapping.each = {"r"};
  const char* const payload = R"({"r":[{"ts":1,"v":1}],"r":[{"ts":2,"v":2}]})";
  EXPECT_EQ(decoded(mapping, payload), "s/ts=1; s/v=1; repeated_name@0(ts); repeated_name@0(v)");
  mapping.time.path = "ts";
  EXPECT_EQ(decoded(mapping, payload), "s/v=1@1000000; s/v=2@2000000");
}

TEST(JsonDecoder, elements_that_nothing_tells_apart_are_one_record) {
  MappingOptions mapping = for_sensor();
  mapping.values = {{.path = "v"}};
  EXPECT_EQ(decoded(mapping, R"([{"v":1},{"v":2}])"), "s/v=1; repeated_name@0(v)");
  mapping.time.path = "ts";
  EXPECT_EQ(decoded(mapping, R"([{"v":1,"ts":1},{"v":2,"ts":2}])"), "s/v=1@1000000; s/v=2@2000000");
  mapping = for_sensor();
  mapping.each = {"r"};
  EXPECT_EQ(decoded(mapping, R"({"r":[{"v":1},{"v":2},{"w":3}]})"), "s/v=1; s/w=3; repeated_name@0(v)");
}

TEST(JsonDecoder, many_names_with_the_same_end_are_distinguished) {
  std::string payload = "{", expected;
  for (int i = 0; i < 300; ++i) {
    const std::string name = "sensor" + std::to_string(i) + ".temperature";
    payload += (i == 0 ? "\"" : ",\"") + name + "\":1";
    expected += (i == 0 ? "s/" : "; s/") + name + "=1";
  }
  EXPECT_EQ(decoded(for_sensor(), payload + "}"), expected);
}

TEST(JsonDecoder, mapping_that_would_mix_values_in_one_series_is_refused) {
  EXPECT_EQ(mapping_error(listing({{.path = "a.t"}, {.path = "b.t"}})),
            "values: 'b.t' and 'a.t' would both be the metric 't'; give one of them another 'metric'");
  EXPECT_EQ(mapping_error(listing({{.path = "a", .metric = "t"}, {.path = "b", .metric = "t"}})),
            "values: 'b' and 'a' would both be the metric 't'; give one of them another 'metric'");
  EXPECT_EQ(mapping_error(listing({{.path = "a.t"}, {.path = "b.t", .metric = "u"}})), "");
  for (const char* path : {"*.t", "r[*].v"}) {
    EXPECT_EQ(mapping_error(listing({{.path = path, .metric = "t"}})),
              "values: '" + std::string(path) +
                  "' may lead to several values, which would all be the metric 't'; leave 'metric' out, and their "
                  "paths name them");
  }
  EXPECT_EQ(mapping_error(listing({{.path = "*.t"}, {.path = "*.u"}, {.path = "r[*]"}})), "");
  EXPECT_EQ(mapping_error(listing({{.path = "a.*"}, {.path = "b.*"}})),
            "values: 'b.*' and 'a.*' may lead to values of the same name");
  EXPECT_EQ(mapping_error(listing({{.path = "a.*"}, {.path = "b.*.t"}, {.path = "r[*]"}, {.path = "q[*]"}})), "");
  MappingOptions mapping = listing({{.path = "v"}});
  mapping.each = {"r[*]"};
  EXPECT_EQ(mapping_error(mapping),
            "each: nothing tells the records apart; give them a 'time', 'sensor', 'metric' or label with a path, or "
            "list their values in 'values', such as \"readings[*].v\"");
  mapping.time.path = "ts";
  EXPECT_EQ(mapping_error(mapping), "");
  mapping = for_sensor();
  mapping.parallel_arrays = true;
  EXPECT_EQ(mapping_error(mapping),
            "parallel_arrays: nothing tells the rows apart; give them a 'time', 'sensor', 'metric' or label with a "
            "path");
  mapping.time.path = "ts";
  EXPECT_EQ(mapping_error(mapping), "");
}

TEST(JsonDecoder, metric_of_the_route_is_part_of_the_names_that_must_differ) {
  const auto error = [](std::vector<ValueField> values, std::string metric) {
    MappingOptions mapping = listing(std::move(values));
    mapping.metric = std::move(metric);
    return mapping_error(mapping, {"m"});
  };
  EXPECT_EQ(error({{.path = "value"}, {.path = "w", .metric = "t"}}, "t"),
            "values: 'w' and 'value' would both be the metric 't'; give one of them another 'metric'");
  EXPECT_EQ(error({{.path = "v"}, {.path = "w", .metric = "t.v"}}, "t"),
            "values: 'w' and 'v' would both be the metric 't.v'; give one of them another 'metric'");
  EXPECT_EQ(error({{.path = "v"}, {.path = "w", .metric = "v"}}, "t"), "");
  EXPECT_EQ(error({{.path = "v"}, {.path = "w", .metric = "t.v"}}, "{m}"), "");
}

TEST(JsonDecoder, options_it_cannot_use_are_refused) {
  const std::string unused =
      "sensor: nothing names the sensor; capture {device} in the topic, set 'sensor', or give its path";
  EXPECT_EQ(mapping_error({}), unused);
  EXPECT_EQ(mapping_error({}, {"device"}), "");
  EXPECT_EQ(mapping_error(listing({{.path = "a..b"}})), "values: path 'a..b' has an empty name");
  EXPECT_EQ(mapping_error(listing({{.path = "a", .scale = 0}})), "values: 'a': scale must be a number other than 0");
  EXPECT_EQ(mapping_error(listing({{.path = "a", .metric = std::string(129, 'x')}})),
            "values: 'a': metric must be at most 128 bytes of printable text");
  MappingOptions mapping = for_sensor();
  mapping.time.path = "a.*";
  EXPECT_EQ(mapping_error(mapping),
            "time: path 'a.*' may lead to several values; '*' and '[*]' belong to 'each' and 'values'");
  mapping = for_sensor();
  mapping.each = {"a["};
  EXPECT_EQ(mapping_error(mapping), "each: path 'a[' has a '[' that is not closed");
  mapping = for_sensor();
  mapping.labels = {{"k", "a."}};
  EXPECT_EQ(mapping_error(mapping), "labels.k: path 'a.' has an empty name");
  mapping.labels = {{"k", ""}};
  EXPECT_EQ(mapping_error(mapping), "labels.k: says no path");
  mapping.labels = {{"", "a"}};
  EXPECT_EQ(mapping_error(mapping), "labels: a key must be 1 to 128 bytes of printable text");
  mapping = for_sensor();
  mapping.columns = {"a"};
  EXPECT_EQ(mapping_error(mapping), "columns: not used by format 'json'");
  mapping = for_sensor();
  mapping.metric = "{what}";
  EXPECT_EQ(mapping_error(mapping), "metric: '{what}' is not captured by the topic, which captures nothing");
}

}  // namespace
}  // namespace edgetide
