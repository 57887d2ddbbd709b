#include <gtest/gtest.h>

#include "config/config.h"

namespace edgetide {

namespace {

ConfigMessage message_at(std::size_t column, std::size_t length, std::string source_line) {
  ConfigMessage message;
  message.file = "/etc/edgetide/edgetide.toml";
  message.line = 82;
  message.column = column;
  message.length = length;
  message.text = "unknown key 'allowed_latenes' in [windows.minute]";
  message.hint = "did you mean 'allowed_lateness'?";
  message.source_line = std::move(source_line);
  return message;
}

}  // namespace

TEST(ConfigMessage, shows_place_line_caret_and_hint) {
  EXPECT_EQ(to_text(message_at(1, 15, "allowed_latenes = \"10m\""), "error"),
            "/etc/edgetide/edgetide.toml:82:1: error: unknown key 'allowed_latenes' in [windows.minute]\n"
            "   82 | allowed_latenes = \"10m\"\n"
            "      | ^^^^^^^^^^^^^^^ did you mean 'allowed_lateness'?\n");
}

TEST(ConfigMessage, without_a_line_the_hint_stands_alone) {
  EXPECT_EQ(to_text(message_at(1, 15, ""), "warning"),
            "/etc/edgetide/edgetide.toml:82:1: warning: unknown key 'allowed_latenes' in [windows.minute]\n"
            "      did you mean 'allowed_lateness'?\n");
}

TEST(ConfigMessage, caret_counts_code_points_and_control_characters_do_not_reach_the_terminal) {
  const std::string text = to_text(message_at(7, 3, "\té = \x1b\"ab\""), "error");
  EXPECT_NE(text.find("   82 |  é = ?\"ab\"\n      |       ^^^ did"), std::string::npos) << text;
}

TEST(ConfigMessage, of_a_long_line_the_part_around_the_caret_is_shown) {
  for (const std::size_t column :
       {std::size_t{1}, std::size_t{59}, std::size_t{5000}, std::size_t{10'000}, std::size_t{20'000}}) {
    const std::string text = to_text(message_at(column, 1'000'000, std::string(10'000, 'x')), "error");
    EXPECT_LT(text.size(), 500U) << column;
    EXPECT_NE(text.find('^'), std::string::npos) << column;
  }
}

TEST(ConfigMessage, errors_end_with_their_number) {
  const ConfigErrors one({message_at(1, 1, "")});
  EXPECT_TRUE(std::string(one.what()).ends_with("\n1 error. The configuration was not applied.\n"));
  const ConfigErrors two({message_at(1, 1, ""), message_at(1, 1, "")});
  EXPECT_TRUE(std::string(two.what()).ends_with("\n2 errors. The configuration was not applied.\n"));
}

}  // namespace edgetide
