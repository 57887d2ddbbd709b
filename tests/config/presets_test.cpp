// The presets of config/presets/ with what the devices send: messages as their documentation shows them, shortened.
#include <gtest/gtest.h>
#include <set>
#include <string>

#include "config/parts.h"
#include "daemon/sources/mqtt_source.h"
#include "tests/config/configuration_file.h"
#include "tests/daemon/decoders/decoded_text.h"

namespace edgetide {
namespace {

std::string with_route(const std::string& route_text) {
  return "[sources.m]\ntype = \"mqtt\"\nservers = [\"mqtt://localhost\"]\nroutes = [\n  { " + route_text +
         " },\n]\n[windows.w]\nsize = \"1m\"\n";
}

// What a route makes of a message; LoadOptions with other parts for a preset that is not built in.
std::string routed(const std::string& route_text, const std::string& topic, const std::string& payload,
                   const LoadOptions& load = {}) {
  const GatewayOptions options = loaded(with_route(route_text), load).options;
  if (options.sources.empty()) return "no source";
  Router router(options_of<MqttOptions>(*options.sources[0].source)->routes);
  DecodedBatch batch;
  router.decode(topic, payload, batch);
  return to_text(batch);
}

struct Sent {
  std::string preset, pattern, topic, payload, expected;
};

const std::string ttn_up = R"({"end_device_ids":{"device_id":"dev1","application_ids":{"application_id":"app"},
  "dev_eui":"0004A30B001C0530","dev_addr":"00BCB929"},"correlation_ids":["as:up:01"],
  "received_at":"2026-05-25T13:42:11.412345678Z","uplink_message":{"session_key_id":"AX","f_port":2,"f_cnt":7,
  "frm_payload":"gg==","decoded_payload":@,"rx_metadata":[{"gateway_ids":{"gateway_id":"gw"},"rssi":-68,"snr":7.5}],
  "settings":{"data_rate":{"lora":{"bandwidth":125000,"spreading_factor":7}},"frequency":"868300000"},
  "received_at":"2026-05-25T13:42:11.200Z","consumed_airtime":"0.056576s"}})";
const std::string chirpstack_up = R"({"deduplicationId":"57433366-50a6-4dc2-8145-2df1bbc70d9e",
  "time":"2022-07-18T09:34:15.775023242+00:00","deviceInfo":{"tenantName":"ChirpStack","applicationName":"app",
  "deviceProfileName":"class A","deviceName":"dev","devEui":"0101010101010101","tags":{"site":"lyon"}},
  "devAddr":"00189440","dr":1,"fPort":1,"data":"qg==",@
  "rxInfo":[{"gatewayId":"0016c001f153a14c","rssi":-36,"snr":10.5}],
  "txInfo":{"frequency":868100000}})";

std::string filled(const std::string& text, const std::string& with) {
  return std::string(text).replace(text.find('@'), 1, with);
}

const std::string ttn_topic = "v3/app@ttn/devices/dev1/up", ttn_pattern = "v3/+/devices/+/up";
const std::string chirpstack_topic = "application/7/device/0101010101010101/event/up";
const std::string chirpstack_pattern = "application/+/device/+/event/up";
const std::string ttn_labels = "@1779716531412345{application=app,dev_eui=0004A30B001C0530}";
const std::string chirpstack_labels = "@1658136855775023{application=app,device=dev,profile=class A}";

const Sent lorawan[] = {
    {"ttn", ttn_pattern, ttn_topic, filled(ttn_up, R"({"temperature_c":29.9,"battery":0,"ok":true,"state":"open"})"),
     "dev1/temperature_c=29.9" + ttn_labels + "; dev1/battery=0" + ttn_labels + "; dev1/ok=1" + ttn_labels +
         "; dev1/state=1" + ttn_labels},
    {"ttn", ttn_pattern, ttn_topic, filled(ttn_up, R"({"soil":{"ec":12,"t":[3.5,null]}})"),
     "dev1/soil.ec=12" + ttn_labels + "; dev1/soil.t[0]=3.5" + ttn_labels},
    {"ttn", ttn_pattern, ttn_topic, filled(ttn_up, "null"), ""},
    {"ttn", "v3/+/devices/+/join", "v3/app@ttn/devices/dev1/join",
     R"({"end_device_ids":{"device_id":"dev1"},"received_at":"2026-05-25T13:42:11Z","join_accept":{}})", ""},
    {"ttn", ttn_pattern, ttn_topic,
     R"({"received_at":"yesterday","end_device_ids":{"device_id":"d"},"uplink_message":{"decoded_payload":{"t":1}}})",
     "d/t=1@unreadable"},
    {"ttn", ttn_pattern, ttn_topic, R"({"uplink_message":{"decoded_payload":{"t":1}}})",
     "bad_id@0(end_device_ids.device_id)"},
    {"ttn", ttn_pattern, ttn_topic, "{", "bad_syntax@0(" + ttn_topic + ")"},
    {"chirpstack", chirpstack_pattern, chirpstack_topic,
     filled(chirpstack_up, R"("object":{"temperatureSensor":{"1":22.5},"humidity":45,"on":true},)"),
     "0101010101010101/temperatureSensor.1=22.5" + chirpstack_labels + "; 0101010101010101/humidity=45" +
         chirpstack_labels + "; 0101010101010101/on=1" + chirpstack_labels},
    {"chirpstack", chirpstack_pattern, chirpstack_topic, filled(chirpstack_up, ""), ""},
    {"chirpstack", "application/+/device/+/event/+", "application/7/device/01/event/status",
     R"({"time":"2022-07-18T09:34:15Z","deviceInfo":{"devEui":"01"},"margin":7,"batteryLevel":99.5})", ""},
    {"chirpstack", chirpstack_pattern, chirpstack_topic, filled(chirpstack_up, R"("object":{"time":"12:00","t":1},)"),
     "0101010101010101/t=1@unreadable{application=app,device=dev,profile=class A}"},
};

const Sent numbers[] = {
    {"homeassistant", "homeassistant/{domain}/{device}/state", "homeassistant/sensor/attic/state", "21.3",
     "sensor.attic/state=21.3"},
    {"homeassistant", "homeassistant/{domain}/{device}/state", "homeassistant/sensor/attic/state", "unavailable",
     "bad_number@0(homeassistant/sensor/attic/state)"},
    {"homeassistant", "homeassistant/{domain}/{device}/state", "homeassistant/light/lamp/state", "on",
     "light.lamp/state=1"},
    {"homeassistant", "homeassistant/{domain}/{device}/state", "homeassistant/cover/gate/state", "opening",
     "bad_number@0(homeassistant/cover/gate/state)"},
    {"homeassistant", "homeassistant/{domain}/{device}/state", "homeassistant/sensor/up/state", "2 days",
     "bad_number@0(homeassistant/sensor/up/state)"},
    {"esphome", "{device}/sensor/{metric}/state", "livingroom/sensor/bme280_temp/state", "23.4",
     "livingroom/bme280_temp=23.4"},
    {"esphome", "{device}/sensor/{metric}/state", "livingroom/sensor/bme280_temp/state", "nan",
     "not_finite@0(livingroom/sensor/bme280_temp/state)"},
    {"esphome", "{device}/binary_sensor/{metric}/state", "hall/binary_sensor/door/state", "ON", "hall/door=1"},
    {"shelly_gen1", "shellies/{device}/relay/0/{metric}", "shellies/shellyplug-s-C8A1/relay/0/power", "23.40",
     "shellyplug-s-C8A1/power=23.4"},
    {"shelly_gen1", "shellies/{device}/relay/{metric}", "shellies/shellyplug-s-C8A1/relay/0", "on",
     "shellyplug-s-C8A1/0=1"},
    {"shelly_gen1", "shellies/{device}/sensor/{metric}", "shellies/shellydw2-1/sensor/state", "close",
     "shellydw2-1/state=0"},
};

const std::string shelly = "+/events/rpc";
const Sent notifications[] = {
    {"shelly", shelly, "shellyplusht-08b61f/events/rpc",
     R"({"src":"shellyplusht-08b61f","dst":"x/events","method":"NotifyFullStatus","params":{"ts":1680962879.62,
       "cloud":{"connected":false},
       "devicepower:0":{"id":0,"battery":{"V":6.1,"percent":100},"external":{"present":false}},
       "humidity:0":{"id":0,"rh":42.2},"temperature:0":{"id":0,"tC":19.8,"tF":67.6},
       "wifi":{"rssi":-58,"ssid":"home"}}})",
     "shellyplusht-08b61f/temperature:0.tC[°C]=19.8@1680962879620000; "
     "shellyplusht-08b61f/humidity:0.rh[%]=42.2@1680962879620000; "
     "shellyplusht-08b61f/devicepower:0.battery.V[V]=6.1@1680962879620000; "
     "shellyplusht-08b61f/devicepower:0.battery.percent[%]=100@1680962879620000; "
     "shellyplusht-08b61f/wifi.rssi[dBm]=-58@1680962879620000"},
    {"shelly", shelly, "p/events/rpc",
     R"({"src":"p","method":"NotifyStatus","params":{"ts":1680962880.00,"switch:0":{
       "id":0,"aenergy":{"by_minute":[1.5,2],"minute_ts":1680962879,"total":11.68},"apower":8.9}}})",
     "p/switch:0.apower[W]=8.9@1680962880000000; p/switch:0.aenergy.total[Wh]=11.68@1680962880000000"},
    {"shelly", shelly, "p/events/rpc",
     R"({"src":"p","dst":"p/events","method":"NotifyStatus","params":{"ts":1680962880.5,"switch:0":{
       "id":0,"output":true,"source":"button"}}})",
     "p/switch:0.output=1@1680962880500000"},
    {"shelly", shelly, "p/events/rpc",
     R"({"src":"p","method":"NotifyStatus","params":{"ts":1,"temperature:0":{"id":0,"tC":null,"tF":null}}})", ""},
    {"shelly", shelly, "p/events/rpc",
     R"({"src":"p","method":"NotifyEvent","params":{"ts":1.5,"events":[{"component":"input:0"}]}})", ""},
    {"shelly_status", "{device}/status/{component}", "plug/status/switch:0",
     R"({"id":0,"source":"init","output":true,"apower":8.9,"voltage":237.5,"current":0.097,"aenergy":{"total":11.68,
       "by_minute":[0.0,0.0],"minute_ts":1680962879},"temperature":{"tC":42.6,"tF":108.7}})",
     "plug/switch:0.output=1; plug/switch:0.temperature.tC[°C]=42.6; plug/switch:0.apower[W]=8.9; "
     "plug/switch:0.voltage[V]=237.5; plug/switch:0.current[A]=0.097; plug/switch:0.aenergy.total[Wh]=11.68"},
    {"shelly_status", "{device}/status/{component}", "ht/status/temperature:0", R"({"id":0,"tC":19.8,"tF":67.6})",
     "ht/temperature:0.tC[°C]=19.8"},
    {"shelly_status", "{device}/status/{component}", "ht/status/temperature:0", R"({"id":0,"tC":null,"tF":null})", ""},
    {"shelly_status", "{device}/status/{component}", "ht/status/mqtt", R"({"connected":true})", ""},
    {"shelly", shelly, "p/events/rpc", R"({"src":"p","params":{"ts":1,"temperature:0":{"tC":"unknown"}}})",
     "bad_number@0(params.*.tC)"},
    {"shelly", shelly, "p/events/rpc", R"({"params":{"ts":1,"temperature:0":{"tC":1}}})", "bad_id@0(src)"},
};

const Sent homes[] = {
    {"tasmota", "tele/{device}/SENSOR", "tele/attic/SENSOR",
     R"({"Time":"2021-01-02T09:09:44","DS18B20-1":{"Id":"00000566CC39","Temperature":13.3},
       "DS18B20-2":{"Id":"3C01F0957A4E","Temperature":-1},"TempUnit":"C"})",
     "attic/DS18B20-1.Temperature=13.3@1609578584000000; attic/DS18B20-2.Temperature=-1@1609578584000000"},
    {"tasmota", "tele/{device}/SENSOR", "tele/plug/SENSOR",
     R"({"Time":"2021-01-02T09:09:44+01:00","Switch1":"ON","ENERGY":{"TotalStartTime":"2020-01-01T00:00:00","Total":25,
       "Power":7,"Voltage":246},"LD2410":{"Distance":[200.0,181.0]}})",
     "plug/Switch1=1@1609574984000000; plug/ENERGY.Total=25@1609574984000000; plug/ENERGY.Power=7@1609574984000000; "
     "plug/ENERGY.Voltage=246@1609574984000000; plug/LD2410.Distance[0]=200@1609574984000000; "
     "plug/LD2410.Distance[1]=181@1609574984000000"},
    {"tasmota", "tele/{device}/SENSOR", "tele/p/SENSOR",
     R"({"Time":"2021-01-02T09:09:44","Epoch":1609578584,"SI7021":{"Temperature":21.5}})",
     "p/SI7021.Temperature=21.5@1609578584000000"},
    {"tasmota", "tele/{device}/+", "tele/plug/LWT", "Online", "bad_syntax@0(tele/plug/LWT)"},
    {"zigbee2mqtt", "zigbee2mqtt/{device...}", "zigbee2mqtt/floor/lamp",
     R"({"battery":100,"humidity":45.07,"linkquality":224,"occupancy":false,"last_seen":"2026-05-25T13:42:11.412Z",
       "update":{"installed_version":1,"latest_version":2,"state":"idle"},"color":{"x":0.3,"y":0.4},"pressure":null})",
     "floor/lamp/battery=100@1779716531412000; floor/lamp/humidity=45.07@1779716531412000; "
     "floor/lamp/linkquality=224@1779716531412000; floor/lamp/occupancy=0@1779716531412000"},
    {"zigbee2mqtt", "zigbee2mqtt/{device}", "zigbee2mqtt/door", R"({"contact":true,"last_seen":1779716531412})",
     "door/contact=1@1779716531412000"},
    {"zigbee2mqtt", "zigbee2mqtt/{device...}", "zigbee2mqtt/lamp/set", R"({"state":"ON"})", ""},
    {"zigbee2mqtt", "zigbee2mqtt/{device...}", "zigbee2mqtt/bridge/info", R"({"version":1})", ""},
    {"zigbee2mqtt", "zigbee2mqtt/{device...}", "zigbee2mqtt/lamp/availability", R"({"state":"online"})", ""},
    {"openmqttgateway", "home/+/BTtoMQTT/{device}", "home/OpenMQTTGateway/BTtoMQTT/4C33A6603C79",
     R"({"id":"4C:33:A6:60:3C:79","rssi":-82,"brand":"Xiaomi","model":"TH","model_id":"BM_V23","type":"THB",
       "tempc":24.1,"tempf":75.38,"hum":"52.6","volt":2.56})",
     "4C33A6603C79/rssi=-82; 4C33A6603C79/tempc=24.1; 4C33A6603C79/tempf=75.38; 4C33A6603C79/hum=52.6; "
     "4C33A6603C79/volt=2.56"},
    {"rtl_433", "rtl_433/+/events", "rtl_433/pi/events",
     R"({"time":"2022-12-31 05:33:33","model":"Prologue-TH","subtype":5,"id":5,"channel":1,"battery_ok":1,
       "temperature_C":20.1,"humidity":44,"mic":"CHECKSUM"})",
     "Prologue-TH-5/battery_ok=1@1672464813000000{channel=1}; "
     "Prologue-TH-5/temperature_C=20.1@1672464813000000{channel=1}"
     "; Prologue-TH-5/humidity=44@1672464813000000{channel=1}"},
    {"rtl_433", "rtl_433/+/events", "rtl_433/pi/events", R"({"time":"x","model":"M","id":1,"t":1})",
     "M-1/t=1@unreadable"},
    {"ruuvi", "ruuvi/+/{device}", "ruuvi/F4:D9:16:FE:4F:AD/F4:1F:0C:28:CB:D6",
     R"({"gw_mac":"F4:D9:16:FE:4F:AD","rssi":-66,"aoa":[],"gwts":1698727580,"ts":1698727579,
       "data":"0201061BFF99040514F564D7C7B40008FFF403E8B2767A669BF41F0C28CBD6","dataFormat":5,"temperature":26.825,
       "humidity":64.5375,"pressure":101124,"accelX":0.008,"accelY":-0.012,"movementCounter":122,"voltage":3.027,
       "txPower":-32,"measurementSequenceNumber":31334,"id":"F4:1F:0C:28:CB:D6","coords":""})",
     "F4:1F:0C:28:CB:D6/rssi=-66@1698727579000000; F4:1F:0C:28:CB:D6/temperature=26.825@1698727579000000; "
     "F4:1F:0C:28:CB:D6/humidity=64.5375@1698727579000000; F4:1F:0C:28:CB:D6/pressure=101124@1698727579000000; "
     "F4:1F:0C:28:CB:D6/accelX=0.008@1698727579000000; F4:1F:0C:28:CB:D6/accelY=-0.012@1698727579000000; "
     "F4:1F:0C:28:CB:D6/movementCounter=122@1698727579000000; F4:1F:0C:28:CB:D6/voltage=3.027@1698727579000000; "
     "F4:1F:0C:28:CB:D6/txPower=-32@1698727579000000"},
    {"ruuvi", "ruuvi/+/{device}", "ruuvi/C8:25:2D:8E:9C:2C/F4:1F",
     R"({"gw_mac":"C8:25:2D:8E:9C:2C","rssi":-26,"aoa":[],"gwts":"1653668027","ts":"1653668027",
       "data":"0201061BFF99040515AE4C6DC6D7000CFFF803F4ADB6AD697FF41F0C28CBD6","coords":""})",
     "F4:1F/rssi=-26@1653668027000000"},
    {"ruuvi", "ruuvi/+/{device}", "ruuvi/C8:25:2D:8E:9C:2C/gw_status", R"({"state":"online"})", ""},
    {"rtl_433_devices", "rtl_433/+/devices/{model}/{id}/{metric}", "rtl_433/pi/devices/Prologue-TH/5/temperature_C",
     "20.10000", "Prologue-TH-5/temperature_C=20.1"},
    {"rtl_433_devices", "rtl_433/+/devices/{model}/{id}/{metric}", "rtl_433/pi/devices/Prologue-TH/5/time",
     "2022-12-31 05:33:33", ""},
    {"rtl_433_devices", "rtl_433/+/devices/{model}/{channel}/{id}/{metric}", "rtl_433/pi/devices/TH/1/5/humidity", "44",
     "TH-5/humidity=44"},
    {"victron", "N/{portal}/{service}/{instance}/{path...}", "N/c0/battery/256/Dc/0/Voltage", R"({"value":13.27})",
     "c0/battery/256/Dc/0/Voltage=13.27"},
    {"victron", "N/{portal}/{service}/{instance}/{path...}", "N/c0/system/0/Serial", R"({"value":"c0619ab"})", ""},
    {"victron", "N/{portal}/{service}/{instance}/{path...}", "N/c0/system/0/Dc", R"({"value":null,"max":5})", ""},
};

const std::string telegraf_labels = "{host=pi,cpu=cpu0}";
const std::string shadow = "$aws/things/{device}/shadow/update/accepted";
const Sent clouds[] = {
    {"thingsboard", "v1/devices/{device}/telemetry", "v1/devices/me/telemetry", R"({"temperature":22.5,"on":true})",
     "me/temperature=22.5; me/on=1"},
    {"thingsboard", "v1/devices/{device}/telemetry", "v1/devices/me/telemetry",
     R"([{"ts":1451649600512,"values":{"t":1}},{"ts":1451649600000,"values":{"t":2}}])",
     "me/t=1@1451649600512000; me/t=2@1451649600000000"},
    {"thingsboard", "v1/devices/{device}/telemetry", "v1/devices/me/telemetry",
     R"([{"ts":1451649600512,"values":{"t":1}},{"t":2}])", "me/t=1@1451649600512000; me/t=2"},
    {"thingsboard", "v1/devices/{device}/telemetry", "v1/devices/me/telemetry",
     R"({"ts":1451649600512,"values":{"t":1}})", "me/t=1@1451649600512000"},
    {"thingsboard", "v1/devices/{device}/telemetry", "v1/devices/me/telemetry", R"([{"t":1},{"h":2}])",
     "me/t=1; me/h=2"},
    {"thingsboard_gateway", "v1/gateway/telemetry", "v1/gateway/telemetry",
     R"({"Device A":[{"ts":1483228800000,"values":{"temperature":42,"humidity":80}},{"temperature":43}],
       "Device B":[{"ts":1483228800000,"values":{"temperature":42}}]})",
     "Device A/temperature=42@1483228800000000; Device A/humidity=80@1483228800000000; Device A/temperature=43; "
     "Device B/temperature=42@1483228800000000"},
    {"thingsboard_gateway", "v1/gateway/telemetry", "v1/gateway/telemetry", R"({"device":"Device A"})", ""},
    {"telegraf", "telegraf/+/+", "telegraf/pi/cpu",
     R"({"fields":{"usage_idle":98.1,"note":"x"},"name":"cpu","tags":{"host":"pi","cpu":"cpu0"},
       "timestamp":1620000000})",
     "pi/cpu.usage_idle=98.1@1620000000000000" + telegraf_labels},
    {"telegraf", "telegraf/+/+", "telegraf/pi/cpu",
     R"({"metrics":[{"fields":{"a":1},"name":"cpu","tags":{"host":"pi","cpu":"cpu0"},"timestamp":1620000000},
       {"fields":{"b":2},"name":"mem","tags":{},"timestamp":1620000001}]})",
     "pi/cpu.a=1@1620000000000000" + telegraf_labels + "; bad_id@0(tags.host)"},
    {"aws_iot", shadow, "$aws/things/pump/shadow/update/accepted",
     R"({"state":{"reported":{"t":21.5,"valve":{"open":true}},"desired":{"t":9}},"metadata":{"reported":{"t":
       {"timestamp":1779716531}}},"version":12,"timestamp":1779716531})",
     "pump/t=21.5@1779716531000000; pump/valve.open=1@1779716531000000"},
    {"aws_iot", shadow, "$aws/things/pump/shadow/update/accepted", R"({"state":{"desired":{"t":9}},"timestamp":1})",
     ""},
};

template <std::size_t count>
std::set<std::string_view> check(const Sent (&table)[count]) {
  std::set<std::string_view> presets;
  for (const Sent& sent : table) {
    const std::string route_text = "topic = \"" + sent.pattern + "\", format = \"" + sent.preset + '"';
    EXPECT_EQ(routed(route_text, sent.topic, sent.payload), sent.expected) << sent.preset << ": " << sent.payload;
    presets.insert(sent.preset);
  }
  return presets;
}

TEST(Presets, what_devices_send_is_read_and_the_rest_is_refused_or_no_reading) {
  std::set<std::string_view> tested = check(lorawan);
  tested.merge(check(numbers));
  tested.merge(check(notifications));
  tested.merge(check(homes));
  tested.merge(check(clouds));
  for (const Preset& preset : built_in_presets()) {
    EXPECT_TRUE(tested.contains(preset.name)) << preset.name << " is not tested here";
    EXPECT_NE(meaning_of(preset), "") << preset.name;
  }
}

TEST(Presets, keys_of_the_route_go_before_those_of_the_preset) {
  const std::string up = filled(ttn_up, R"({"t":1,"u":2})");
  const std::string route_text = "topic = \"v3/+/devices/{device}/up\", format = \"ttn\", ";
  EXPECT_EQ(
      routed(route_text + "sensor = \"{device}\", labels = {}, time = \"uplink_message.received_at\"", ttn_topic, up),
      "dev1/t=1@1779716531200000; dev1/u=2@1779716531200000");
  EXPECT_EQ(routed(route_text + "labels = {}, values = [{ path = \"t\", unit = \"°C\", scale = 2 }]", ttn_topic, up),
            "dev1/t[°C]=2@1779716531412345");
}

TEST(Presets, states_of_the_route_and_of_the_preset_both_count) {
  static const Preset presets[] = {{"door", "# A door.\nformat = \"number\"\nstates = { ajar = 2, locked = 3 }\n"}};
  Parts parts = built_in_parts();
  parts.presets.assign(std::begin(presets), std::end(presets));
  LoadOptions load;
  load.parts = &parts;
  const std::string route_text =
      "topic = \"{device}\", metric = \"m\", format = \"door\", states = { wide = 4, ajar = 5 }";
  EXPECT_EQ(routed(route_text, "d", "locked", load), "d/m=3");
  EXPECT_EQ(routed(route_text, "d", "wide", load), "d/m=4");
  EXPECT_EQ(routed(route_text, "d", "ajar", load), "d/m=5");
}

TEST(Presets, a_socket_may_have_one) {
  const GatewayOptions options = loaded(
                                     "[sources.s]\ntype = \"tcp\"\nlisten = \"127.0.0.1:1\"\nformat = \"shelly\"\n"
                                     "[windows.w]\nsize = \"1m\"\n")
                                     .options;
  ASSERT_EQ(options.sources.size(), 1U);
}

TEST(Presets, mistakes_are_reported_where_the_preset_is_named) {
  const auto errors = [](const std::string& route_text) { return errors_of(with_route(route_text)); };
  EXPECT_NE(errors("topic = \"a/b\", format = \"ttm\"").find("did you mean 'ttn'?"), std::string::npos);
  EXPECT_NE(errors("topic = \"+/sensor/+/state\", format = \"esphome\"").find("5:3: error: sources.m.routes: sensor: "),
            std::string::npos)
      << errors("topic = \"+/sensor/+/state\", format = \"esphome\"");
  const std::string unknown = errors("topic = \"a\", format = \"ttn\", tiem = \"x\"");
  EXPECT_NE(unknown.find("unknown key 'tiem'"), std::string::npos) << unknown;
  EXPECT_EQ(unknown.find("unknown key 'tiem'"), unknown.rfind("unknown key 'tiem'")) << "once";
}

}  // namespace
}  // namespace edgetide
