// A part that is added to the table of parts is found everywhere, with no other file touched: this file holds a toy
// source, a toy format and a toy sink.
#include "config/parts.h"

#include <algorithm>
#include <csignal>
#include <gmock/gmock.h>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

#include "config/key_spec.h"
#include "config/manual_page.h"
#include "config/reference_page.h"
#include "daemon/gateway.h"
#include "daemon/monitor/control_client.h"
#include "daemon/reload/reload_plan.h"
#include "daemon/sources/events_on_loop.h"
#include "daemon/sources/socket_source.h"
#include "tests/config/configuration_file.h"
#include "tests/fakes/soon.h"

namespace edgetide {
namespace {

// Has one reading, and gives it once.
class ToySource final : public Source, private EventsOnLoop {
 public:
  ToySource(std::string colour, const ConfiguredSource::Surroundings& around)
      : EventsOnLoop(around.host, around.loop), id_(around.id), colour_(std::move(colour)) {}
  ~ToySource() override { ToySource::stop(); }

  void start() override {
    use_.emplace(loop());
    host().attach(id_, *this);
    host().connected(id_, "a box");
    loop().post([this] { offer_again(); });
  }
  void stop() noexcept override {
    if (!use_) return;
    host().detach(id_);
    loop().call([] {});
    use_.reset();
    host().disconnected(id_, {});
  }

 private:
  void offer_again() override {
    if (given_) return;
    DecodedBatch batch;
    batch.readings.push_back({.sensor = "box", .metric = colour_, .unit = {}, .event_time = {}, .value = 7});
    given_ = offer(id_, batch).is_taken();
  }
  void acknowledge(std::uint64_t /*through*/) override {}

  const SourceId id_;
  const std::string colour_;
  bool given_ = false;  // the loop's thread only
  std::optional<EventLoop::Use> use_;
};

class ConfiguredToySource final : public ConfiguredSourceOf<std::string> {
 public:
  using ConfiguredSourceOf::ConfiguredSourceOf;
  std::unique_ptr<Source> make(const Surroundings& around) const override {
    return std::make_unique<ToySource>(options(), around);
  }
  SourceTraits traits() const override { return {.acknowledges = true}; }
};

// What all chests of this process have got: "sensor metric".
std::vector<std::string> rows_in_chests;

class ToySink final : public Sink {
 public:
  Outcome open() override { return Delivered{}; }
  Outcome deliver(const RowBatch& batch) override {
    for (const WindowRows& window : batch.windows) {
      for (const SinkRow& row : window.rows) rows_in_chests.push_back(row.series->sensor + ' ' + row.series->metric);
    }
    return Delivered{};
  }
  LastEpoch last_epoch() override { return std::nullopt; }
  void close() noexcept override {}
  void interrupt() noexcept override {}
};

class ConfiguredToySink final : public ConfiguredSinkOf<std::string> {
 public:
  using ConfiguredSinkOf::ConfiguredSinkOf;
  std::unique_ptr<Sink> make(SinkIdentity /*identity*/, std::vector<WindowSchema> /*inputs*/) const override {
    return std::make_unique<ToySink>();
  }
  SinkTraits traits() const override { return {SinkKind::stream, DeliveryGuarantee::at_least_once, 7, 2048}; }
};

template <class Configured>
std::shared_ptr<const Configured> read_colour(const Section& section) {
  std::string colour = "red";
  section.read("colour", colour);
  return std::make_shared<Configured>(colour);
}

std::optional<Clash> same_colour(const ConfiguredSource& earlier, const ConfiguredSource& later) {
  return earlier.equals(later) ? std::optional(Clash{"colour", "has the colour of"}) : std::nullopt;
}

SourcePart toy_source() {
  static const KeyGroup group =
      keys::on_reload(OnReload::new_source,
                      {"[sources.NAME] with type = \"toybox\"", "", {keys::text("colour", "\"red\"", "Of the box.")}});
  SourcePart part;
  part.name = "toybox";
  part.keys = {&group};
  part.read = [](const Section& section, const PartContext& /*context*/) -> std::shared_ptr<const ConfiguredSource> {
    return read_colour<ConfiguredToySource>(section);
  };
  part.clash = same_colour;
  return part;
}

// A message is a reading: as many balls as it has bytes.
class ToyDecoder final : public Decoder {
 public:
  explicit ToyDecoder(std::string colour) : colour_(std::move(colour)) {}
  void decode(const Message& message, DecodedBatch& out) override {
    DecodedReading reading;
    reading.sensor = "box";
    reading.metric = colour_;
    reading.value = static_cast<double>(message.payload.size());
    out.readings.push_back(reading);
  }

 private:
  const std::string colour_;
};

struct ToyFormatOptions final : FormatOptions {
  std::string colour = "red";
  bool is_same(const FormatOptions& other) const override {
    const auto* const toy = dynamic_cast<const ToyFormatOptions*>(&other);
    return toy != nullptr && toy->colour == colour;
  }
};

const Format toy_decoding{
    .name = "balls",
    .takes = {"labels"},
    .make = [](const MappingOptions& options, std::span<const std::string>) -> std::unique_ptr<Decoder> {
      return std::make_unique<ToyDecoder>(dynamic_cast<const ToyFormatOptions&>(*options.own).colour);
    }};

FormatPart toy_format() {
  static const KeyGroup group = keys::on_reload(
      OnReload::new_source, {"Mapping with format = \"balls\"", "", {keys::text("hue", "\"red\"", "Of the balls.")}});
  FormatPart part;
  part.name = "balls";
  part.keys = {&group};
  part.format = &toy_decoding;
  part.read = [](const Section& section) -> std::shared_ptr<const FormatOptions> {
    auto options = std::make_shared<ToyFormatOptions>();
    section.read("hue", options->colour);
    return options;
  };
  return part;
}

SinkPart toy_sink() {
  static const KeyGroup group = keys::on_reload(
      OnReload::new_sink,
      {"[sinks.NAME] with type = \"toychest\"", "", {keys::text("colour", "\"red\"", "Of the chest.")}});
  SinkPart part;
  part.name = "toychest";
  part.meaning = "`toychest` keeps toys.";
  part.standard = std::make_shared<ConfiguredToySink>("red");
  part.keys = {&group};
  part.read = [](const Section& section, const PartContext& /*context*/) -> std::shared_ptr<const ConfiguredSink> {
    return read_colour<ConfiguredToySink>(section);
  };
  return part;
}

Parts with_toys() {
  Parts parts = built_in_parts();
  parts.sources.built.push_back(toy_source());
  parts.formats.built.push_back(toy_format());
  parts.sinks.built.push_back(toy_sink());
  return parts;
}

const std::string toys =
    "[sources.box]\ntype = \"toybox\"\ncolour = \"blue\"\n[windows.w]\nsize = \"1m\"\n"
    "[sinks.chest]\ntype = \"toychest\"\ncolour = \"green\"\n";

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  return text.replace(text.find(from), from.size(), to);
}

TEST(Parts, a_toy_is_read_and_has_its_kind_traits_and_options) {
  const Parts parts = with_toys();
  const GatewayOptions options = loaded(toys, {.parts = &parts}).options;
  ASSERT_EQ(options.sources.size(), 1U);
  EXPECT_EQ(options.sources[0].type, "toybox") << "the status shows it as the kind";
  EXPECT_TRUE(options.sources[0].source->traits().acknowledges);
  EXPECT_EQ(*options_of<std::string>(*options.sources[0].source), "blue");
  ASSERT_EQ(options.sinks.size(), 1U);
  EXPECT_EQ(options.sinks[0].type, "toychest");
  EXPECT_EQ(options.sinks[0].store->traits().kind, SinkKind::stream);
  EXPECT_EQ(*options_of<std::string>(*options.sinks[0].store), "green");
}

const std::string balls =
    "[sources.line]\ntype = \"tcp\"\nlisten = \"127.0.0.1:8094\"\nformat = \"balls\"\nhue = \"blue\"\n"
    "[windows.w]\nsize = \"1m\"\n";

TEST(Parts, a_toy_format_is_read_decodes_and_is_compared_on_reload) {
  const Parts parts = with_toys();
  const GatewayOptions options = loaded(balls, {.parts = &parts}).options;
  ASSERT_EQ(options.sources.size(), 1U);
  const SocketOptions* const socket = options_of<SocketOptions>(*options.sources[0].source);
  ASSERT_NE(socket, nullptr);
  DecodedBatch batch;
  const std::unique_ptr<Decoder> decoder = make_decoder(socket->route.mapping, {});  // the readings point into it
  decoder->decode({.topic = {}, .payload = "three", .captures = {}}, batch);
  ASSERT_EQ(batch.readings.size(), 1U);
  EXPECT_EQ(batch.readings[0].metric, "blue");
  const auto plan_of = [&](const std::string& next) {
    return to_text(plan_reload(options, loaded(next, {.parts = &parts}).options));
  };
  EXPECT_EQ(plan_of(balls), "no source, window or sink has changed");
  EXPECT_EQ(plan_of(replaced(balls, "blue", "grey")), "sources: changed line");
  const std::string misspelt = errors_of(replaced(balls, "balls", "bals"), {.parts = &parts});
  EXPECT_NE(misspelt.find("did you mean 'balls'?"), std::string::npos) << misspelt;
  const std::string other = errors_of(replaced(balls, "balls", "influx"), {.parts = &parts});
  EXPECT_NE(other.find("hue: not used by format 'influx'"), std::string::npos) << other;
}

TEST(Parts, a_toy_preset_is_read_suggested_and_in_the_reference) {
  Parts parts = with_toys();
  parts.presets.push_back({"bricks", "# Bricks of a toy.\nformat = \"csv\"\nsensor = \"wall\"\ndelimiter = \";\"\n"});
  parts.presets.push_back({"broken", "format = "});
  const GatewayOptions options =
      loaded(replaced(balls, "balls\"\nhue = \"blue\"", "bricks\"\ncolumns = [\"v\"]"), {.parts = &parts}).options;
  ASSERT_EQ(options.sources.size(), 1U);
  const MappingOptions& mapping = options_of<SocketOptions>(*options.sources[0].source)->route.mapping;
  EXPECT_EQ(mapping.format->name, "csv");
  EXPECT_EQ(mapping.sensor, "wall");
  EXPECT_EQ(mapping.delimiter, ';');
  const std::string misspelt = errors_of(replaced(balls, "balls", "brick"), {.parts = &parts});
  EXPECT_NE(misspelt.find("did you mean 'bricks'?"), std::string::npos) << misspelt;
  const std::string other = errors_of(replaced(balls, "balls", "bricks"), {.parts = &parts});
  EXPECT_NE(other.find("hue: not used by format 'csv'"), std::string::npos) << other;
  const std::string broken = errors_of(replaced(balls, "balls", "broken"), {.parts = &parts});
  EXPECT_NE(broken.find("4:10: error: sources.line: the preset broken is not TOML"), std::string::npos) << broken;
  for (const std::string& page : {reference_page(parts), configuration_manual(parts)}) {
    EXPECT_NE(page.find("Bricks of a toy."), std::string::npos);
  }
}

TEST(Parts, a_toy_is_in_the_reference_and_in_the_manual_page) {
  const Parts parts = with_toys();
  for (const std::string& page : {reference_page(parts), configuration_manual(parts)}) {
    EXPECT_NE(page.find("toybox"), std::string::npos);
    EXPECT_NE(page.find("Of the balls."), std::string::npos);
    EXPECT_NE(page.find(", balls: labels and the paths"), std::string::npos) << "which it takes";
    EXPECT_EQ(page.find(", balls: words that stand for numbers"), std::string::npos) << "which it does not take";
    EXPECT_NE(page.find("Of the chest."), std::string::npos);
    EXPECT_NE(page.find("keeps toys."), std::string::npos);
  }
  EXPECT_NE(reference_page(parts).find("| `toychest` | stream | at_least_once | 7 | 2KiB |"), std::string::npos);
  EXPECT_NE(configuration_manual(parts).find(
                "rows_go_to stream, delivery at_least_once, max_delivery_rows 7, max_delivery_bytes 2KiB"),
            std::string::npos);
  EXPECT_EQ(reference_page().find("toybox"), std::string::npos) << "the built-in parts are unchanged";
}

// Elsewhere the code of a part is found by the name in its line of the table.
TEST(Parts, name_of_a_line_in_the_table_is_that_of_its_code) {
  const Parts& parts = built_in_parts();
  for (const FormatPart& part : parts.formats.built) EXPECT_EQ(part.name, part.format->name);
  std::set<std::string_view> kinds;
  for (const WindowPart& part : parts.windows.built) {
    EXPECT_EQ(part.name, traits_of(part.kind).name);
    kinds.insert(part.name);
  }
  EXPECT_EQ(kinds.size(), window_kinds().size()) << "a kind has no part, or two";
}

TEST(Parts, reference_names_each_part) {
  const Parts& parts = built_in_parts();
  const std::string page = reference_page();
  for (const std::vector<std::string_view>& names :
       {parts.sources.names(), parts.formats.names(), parts.windows.names(), parts.sinks.names()}) {
    for (const std::string_view name : names) {
      EXPECT_NE(page.find("`\"" + std::string(name) + "\"`"), std::string::npos) << name;
    }
  }
}

TEST(Parts, key_of_a_mapping_that_a_format_does_not_take_is_an_error) {
  struct Case {
    std::string_view takes;
    std::string key;  // as it is written, and begins the error
  };
  const Case cases[] = {{"sensor.path", "sensor = { path = \"s\" }"},
                        {"metric.path", "metric = { path = \"m\" }"},
                        {"time.path", "time = \"t\""},
                        {"time.time_of_day", "time = { path = \"t\", time_of_day = \"o\" }"},
                        {"each", "each = \"a\""},
                        {"parallel_arrays", "parallel_arrays = true"},
                        {"values", "values = [\"v\"]"},
                        {"ignore", "ignore = [\"i\"]"},
                        {"labels", "labels = { l = \"p\" }"},
                        {"unit", "unit = \"W\""},
                        {"coerce_strings", "coerce_strings = false"},
                        {"states", "states = { heating = 2 }"},
                        {"timezone", "timezone = \"Europe/Paris\""},
                        {"columns", "columns = [\"v\"]"},
                        {"dedupe", "dedupe = { path = \"id\" }"},
                        {"delimiter", "delimiter = \";\""}};
  for (const FormatPart& part : built_in_parts().formats.built) {
    const std::string name(part.name);
    for (const std::string_view taken : part.format->takes) {
      EXPECT_TRUE(std::any_of(std::begin(cases), std::end(cases), [&](const Case& c) { return c.takes == taken; }))
          << name << " takes " << taken << ", which is not a key of the mapping, or is not tried here";
    }
    for (const Case& c : cases) {
      const std::string errors = errors_of(
          "[sources.m]\ntype = \"mqtt\"\nservers = [\"mqtt://localhost\"]\n[[sources.m.routes]]"
          "\ntopic = \"{device}/{metric}\"\nformat = \"" +
          name + "\"\n" + c.key + '\n');
      const std::string refusal = c.key.substr(0, c.key.find(' ')) + ": not used by format '" + name + '\'';
      const auto& takes = part.format->takes;
      const bool taken = std::find(takes.begin(), takes.end(), c.takes) != takes.end();
      EXPECT_EQ(errors.find(refusal) == std::string::npos, taken) << name << ": " << c.key << '\n' << errors;
    }
  }
}

TEST(Parts, a_gateway_of_toys_runs_and_shows_them_in_its_status) {
  const Parts parts = with_toys();
  const TemporaryFolder folder;
  const std::string start =
      "[gateway]\nstate_directory = \"" + folder.path("state") + "\"\n[clock]\nwait_after_boot = \"0s\"\n";
  const Variable runtime("RUNTIME_DIRECTORY", nullptr);
  block_signals();
  Gateway gateway(loaded(start + toys, {.parts = &parts}).options, [] { return GatewayOptions(); });
  std::string status;
  std::thread asks([&] {
    EXPECT_TRUE(test::soon([&] {
      try {
        status.clear();
        ControlClient client({folder.path("state/control.sock")}, {"status", "json"});
        for (std::string more = client.more(); !more.empty(); more = client.more()) status += more;
      } catch (const std::exception& not_yet) {
        return false;
      }
      return status.find("\"readings\":1") != std::string::npos;
    })) << status;
    kill(getpid(), SIGTERM);
  });
  gateway.run();
  asks.join();
  EXPECT_NE(status.find("toybox"), std::string::npos) << status;
  EXPECT_NE(status.find("toychest"), std::string::npos) << status;
  EXPECT_THAT(rows_in_chests, testing::Contains("box blue"));
}

TEST(Parts, a_misspelt_toy_is_suggested) {
  const Parts parts = with_toys();
  const std::string type = errors_of(replaced(toys, "toybox", "toybux"), {.parts = &parts});
  EXPECT_NE(type.find("did you mean 'toybox'?"), std::string::npos) << type;
  const std::string key = errors_of(replaced(toys, "colour", "color"), {.parts = &parts});
  EXPECT_NE(key.find("did you mean 'colour'?"), std::string::npos) << key;
}

TEST(Parts, two_toys_of_a_kind_may_clash) {
  const Parts parts = with_toys();
  const std::string errors =
      errors_of(toys + "[sources.other]\ntype = \"toybox\"\ncolour = \"blue\"\n", {.parts = &parts});
  EXPECT_NE(errors.find("11:10: error: sources.other: has the colour of sources.box"), std::string::npos) << errors;
}

TEST(Parts, a_changed_toy_is_replaced_on_reload) {
  const Parts parts = with_toys();
  const auto plan_of = [&](const std::string& next) {
    return to_text(plan_reload(loaded(toys, {.parts = &parts}).options, loaded(next, {.parts = &parts}).options));
  };
  EXPECT_EQ(plan_of(toys), "no source, window or sink has changed");
  EXPECT_EQ(plan_of(replaced(toys, "blue", "grey")), "sources: changed box");
  EXPECT_EQ(plan_of(replaced(toys, "green", "grey")), "sinks: changed chest");
}

// Empty in a full build; tests/options.py runs this in others.
TEST(Parts, every_part_that_this_build_leaves_out_names_its_option) {
  for (const LeftOutWord& part : built_in_parts().sinks.left_out) {
    const std::string type(part.word);
    const std::string errors = errors_of("[windows.w]\nsize = \"1m\"\n[sinks.x]\ntype = \"" + type + "\"\n");
    EXPECT_NE(errors.find("4:8: error: sinks.x: " + type + " is not in this build; -D" + std::string(part.option)),
              std::string::npos)
        << errors;
    EXPECT_EQ(reference_page().find("type = \"" + type + '"'), std::string::npos);
  }
}

TEST(Parts, a_part_that_the_build_leaves_out_names_the_option_that_brings_it) {
  Parts parts = built_in_parts();
  parts.sinks.left_out.push_back({"toychest", "EDGETIDE_TOYS"});
  const std::string errors =
      errors_of("[windows.w]\nsize = \"1m\"\n[sinks.chest]\ntype = \"toychest\"\n", {.parts = &parts});
  EXPECT_NE(errors.find("4:8: error: sinks.chest: toychest is not in this build; -DEDGETIDE_TOYS=ON brings it"),
            std::string::npos)
      << errors;
}

}  // namespace
}  // namespace edgetide
