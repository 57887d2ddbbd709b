#include "daemon/monitor/late_addition_text.h"

#include "daemon/monitor/json_writer.h"
#include "daemon/service/quantity.h"

namespace edgetide {

namespace {

std::string json_of_reasons(const LateAddition::Reasons& reasons, const std::string& window) {
  std::string lines;
  for (const auto& [reason, readings] : reasons) {
    JsonWriter out;
    out.open('{');
    if (!window.empty()) out.member("window", window);
    lines += out.member("stay", readings).member("reason", reason).close('}').take() + '\n';
  }
  return lines;
}

std::string text_of_reasons(const LateAddition::Reasons& reasons, const std::string& window) {
  std::string lines;
  for (const auto& [reason, readings] : reasons) {
    lines += (window.empty() ? "" : "window " + window + ": ") + quantity(readings, "reading") +
             (readings == 1 ? " stays: " : " stay: ") + reason + '\n';
  }
  return lines;
}

std::string json_of(const LateAddition& done) {
  std::string lines;
  for (const auto& [name, window] : done.windows) {
    if (window.readings > 0) {
      JsonWriter out;
      out.open('{').member("window", name).member("added", window.readings).member("rows", window.rows).close('}');
      lines += out.take() + '\n';
    }
    lines += json_of_reasons(window.refused, name);
  }
  JsonWriter out;
  out.open('{').member("settled", done.settled).close('}');
  return lines + json_of_reasons(done.refused, {}) + out.take() + '\n';
}

std::string text_of(const LateAddition& done) {
  std::string lines;
  for (const auto& [name, window] : done.windows) {
    if (window.readings > 0) {
      lines += "window " + name + ": " + quantity(window.readings, "reading") + " added to " +
               quantity(window.rows, "row") + '\n';
    }
    lines += text_of_reasons(window.refused, name);
  }
  return lines + text_of_reasons(done.refused, {}) + quantity(done.settled, "reading") +
         (done.settled == 1 ? " leaves" : " leave") + " the quarantine\n";
}

}  // namespace

std::string late_addition_text(const LateAddition& done, AnswerFormat format) {
  return format == AnswerFormat::json ? json_of(done) : text_of(done);
}

}  // namespace edgetide
