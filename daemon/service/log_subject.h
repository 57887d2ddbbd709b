// The subject of a log line: its fields in journald (`journalctl EDGETIDE_EVENT=sink_failing`), and the begin of the
// line.
//
// Owns: nothing; a subject lives as long as the call that logs it. Thread: plain values.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace edgetide {

enum class LogEvent : std::uint8_t {
  none,
  started,
  stopped,
  reloaded,
  reload_failed,
  source_connected,
  source_disconnected,
  source_notice,
  readings_refused,
  sink_ready,
  sink_failing,
  sink_stopped,
  rows_rejected,
  disk_failing,
  clock_set,
  store_ahead,
  store_behind,
  command_said,
  store_warning,
};

struct LogEventText {
  LogEvent event;
  std::string_view name;
  std::string_view message_id;  // MESSAGE_ID of systemd.journal-fields(7)
};

// By LogEvent.
constexpr std::array<LogEventText, 19> log_events = {{
    {LogEvent::none, "", ""},
    {LogEvent::started, "started", "cf6519bd3c9d40d087e0b13237abd173"},
    {LogEvent::stopped, "stopped", "c49f1bded35042de942cab4393446a8b"},
    {LogEvent::reloaded, "reloaded", "6209c11c851e4153a88096747158ff37"},
    {LogEvent::reload_failed, "reload_failed", "a658e7361bdc48c985ff841ea9001ae5"},
    {LogEvent::source_connected, "source_connected", "5e25e0d1f98445c0979c783007b6ad60"},
    {LogEvent::source_disconnected, "source_disconnected", "85f9e83a48d847b0b90f8fccd5f50a53"},
    {LogEvent::source_notice, "source_notice", "3412d69ee84448c5bc68bc2a5d8efd13"},
    {LogEvent::readings_refused, "readings_refused", "17ee429fb8fc429aaa34739a5184e04d"},
    {LogEvent::sink_ready, "sink_ready", "f05cf6da8d6247239590b33ff11c62a4"},
    {LogEvent::sink_failing, "sink_failing", "aaed4f0560784853a1ac585528d6f19d"},
    {LogEvent::sink_stopped, "sink_stopped", "23e7a558f9bc4ac88df7158125a36c9c"},
    {LogEvent::rows_rejected, "rows_rejected", "1def5d97cf6e45c2a53191ffc474dd6c"},
    {LogEvent::disk_failing, "disk_failing", "6ec5fec80db44ef3a84cddf08c91a49f"},
    {LogEvent::clock_set, "clock_set", "64c7652199784569b7beddb686445364"},
    {LogEvent::store_ahead, "store_ahead", "b1d0e3f7a95c4c2e8f4a6d1b7c093e52"},
    {LogEvent::store_behind, "store_behind", "d59a71c3f06e4b7d8a2b95e4037fc618"},
    {LogEvent::command_said, "command_said", "d828978bf4584948a037d2d72219157c"},
    {LogEvent::store_warning, "store_warning", "7c9e6d0b41f24a35b8d2f7530ae1946c"},
}};
static_assert(
    [] {
      for (std::size_t i = 0; i < log_events.size(); ++i) {
        if (static_cast<std::size_t>(log_events[i].event) != i) return false;
      }
      return true;
    }(),
    "in the order of LogEvent");

struct LogSubject {
  LogEvent event = LogEvent::none;
  std::string_view source = {};  // names of the configuration; empty: of none
  std::string_view sink = {};
  std::string_view window = {};
  std::string_view sensor = {};  // printable

  constexpr const LogEventText& text() const noexcept { return log_events[static_cast<std::size_t>(event)]; }
  // "source plant: ", "sink history: ", or nothing.
  std::string beginning() const {
    if (!source.empty()) return "source " + std::string(source) + ": ";
    if (!sink.empty()) return "sink " + std::string(sink) + ": ";
    return {};
  }
};

}  // namespace edgetide
