#include "config/roff.h"

namespace edgetide {

namespace {

void append_escaped(char c, std::string& out) {
  if (c == '\\') {
    out += "\\e";
  } else if (c == '-') {
    out += "\\-";
  } else {
    // A request begins a line with one of these.
    if ((c == '.' || c == '\'') && (out.empty() || out.back() == '\n')) out += "\\&";
    out += c;
  }
}

}  // namespace

std::string roff(std::string_view text) {
  std::string out;
  bool bold = false;
  for (const char c : text) {
    if (c == '`') {
      bold = !bold;
      out += bold ? "\\fB" : "\\fR";
    } else {
      append_escaped(c, out);
    }
  }
  return out;
}

std::string roff_bold(std::string_view text) {
  return "\\fB" + roff(text) + "\\fR";
}

std::string roff_title(std::string_view page, std::string_view section, std::string_view about) {
  return ".TH " + std::string(page) + ' ' + std::string(section) + " \"\" \"Edgetide " EDGETIDE_VERSION "\" \"" +
         std::string(about) + "\"\n";
}

}  // namespace edgetide
