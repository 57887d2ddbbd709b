#include "daemon/monitor/json_writer.h"

#include <array>
#include <charconv>

namespace edgetide {

void JsonWriter::write(double value) {
  if (!std::isfinite(value)) {
    text_ += "null";
    return;
  }
  std::array<char, 32> text{};
  text_.append(text.data(), std::to_chars(text.data(), text.data() + text.size(), value).ptr);
}

}  // namespace edgetide
