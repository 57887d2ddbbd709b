// What is read in one turn of the loop from all connections of an MQTT listener: the bytes, and the batch of what was
// decoded from them. Both stay until the batch was taken or closed.
//
// A packet that came whole is decoded where it was received. One that came in parts is put together by its connection,
// and kept here.
//
// Owns:   bytes, batch, decoders. Thread: one owner at a time. Fails: construction, by std::invalid_argument for
//         errors of the configuration.
// Limit:  buffer_bytes and max_kept_bytes of packets, max_messages of them, about max_readings.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/decoders/decoded_batch.h"
#include "daemon/decoders/route.h"
#include "daemon/mqtt/device_connection.h"
#include "daemon/sources/device_sessions.h"

namespace edgetide {

class DeviceTurn {
 public:
  static constexpr std::size_t buffer_bytes = 256 * 1024;
  static constexpr std::size_t least_room = 32 * 1024;  // for a read
  static constexpr std::size_t max_kept_bytes = 1024 * 1024;
  static constexpr std::size_t max_readings = 8'000, max_messages = 8'000;

  explicit DeviceTurn(const std::vector<RouteOptions>& routes) : router_(routes), buffer_(buffer_bytes, '\0') {}

  Router& router() noexcept { return router_; }
  DecodedBatch& batch() noexcept { return batch_; }

  void begin() noexcept;
  bool has_room() const noexcept {
    return buffer_bytes - used_ >= least_room && kept_bytes_ < max_kept_bytes &&
           batch_.readings.size() < max_readings && batch_.message_count < max_messages;
  }
  // Requires: has_room().
  std::span<char> room() noexcept { return std::span(buffer_).subspan(used_); }
  void use(std::size_t bytes) noexcept { used_ += bytes; }
  std::string_view keep(std::string&& packet);

  MqttReason decode(const DeviceMessage& message, std::optional<std::uint64_t> fingerprint);
  // `where` is copied.
  void refuse(Refusal reason, std::string_view where) { batch_.refuse_unseen(reason, batch_.keep(where)); }

  // A message of this session was delivered; forgotten again if the batch is not taken.
  void note(DeviceSessions::Entry& entry, std::uint64_t fingerprint, bool is_held) {
    noted_.push_back({&entry, fingerprint, is_held});
  }
  void take_back() noexcept;
  void forget_noted() noexcept { noted_.clear(); }

 private:
  struct Noted {
    DeviceSessions::Entry* entry;
    std::uint64_t fingerprint;
    bool is_held;
  };

  Router router_;
  DecodedBatch batch_;
  std::vector<char> buffer_;
  std::size_t used_ = 0;
  std::vector<std::string> kept_;
  std::size_t kept_bytes_ = 0;
  std::vector<Noted> noted_;
  std::vector<MessageProperty> properties_;
};

}  // namespace edgetide
