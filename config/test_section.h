// [[tests]]: messages and the rows that they are to give, for `edgetide test`.
//
// Owns:   its strings. Thread: main. Fails: into the report.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "pipeline/time.h"

namespace edgetide {

class Section;

struct ConfiguredTest {
  struct Message {
    Timestamp at;
    std::string source;  // empty: the first with a route for it
    std::string topic;   // empty: as over a socket
    std::string payload;
    std::string place;  // "edgetide.toml:12"
  };
  // What a row is to have under a name: a number, a text, a boolean, or a table of these.
  struct Expectation {
    std::string name;
    std::variant<double, std::string, std::vector<Expectation>> value;
  };
  struct Row {
    std::vector<Expectation> columns;
    std::string place;  // "edgetide.toml:12"
    std::string text;   // "window = minute, avg = 21"
  };
  std::string name;
  std::vector<Message> messages;
  std::vector<Row> rows;
  std::optional<int> refused;  // so many values or messages, also for their time
  bool only = false;           // there are no other rows
};

std::vector<ConfiguredTest> read_tests(const Section& top);

}  // namespace edgetide
