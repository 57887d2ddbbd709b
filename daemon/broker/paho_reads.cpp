#include "daemon/broker/paho_reads.h"

#include <algorithm>
#include <atomic>
#include <sys/stat.h>
#include <utility>
#include <vector>

#include "daemon/service/library_reads.h"
#include "daemon/service/tcp_state.h"

namespace edgetide {

namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t small_packet_bytes = 384 * 1024;  // is not counted: no larger one comes with MQTT 5
constexpr auto room_patience = 30s;                       // so long a packet may take that others wait for

std::atomic<int> reads_count = 0;  // the reads of everything else cost no more than a look at it
Mutex reads_mutex;
std::vector<PahoReads*> all_reads GUARDED_BY(reads_mutex);

ino_t inode_of(int socket) noexcept {
  struct stat status = {};
  return fstat(socket, &status) == 0 ? status.st_ino : 0;
}

}  // namespace

PahoReads::PahoReads(std::string client_id, BrokerPackets::Limits limits)
    : client_id_(std::move(client_id)),
      protocol_(limits.protocol),
      over_web_socket_(limits.over_web_socket),
      packets_(limits) {
  check_reads_with(&PahoReads::checked);
  const MutexLock lock(reads_mutex);
  all_reads.push_back(this);
  ++reads_count;
}

PahoReads::~PahoReads() {
  const MutexLock lock(reads_mutex);
  held_bytes_ = 0;
  std::erase(all_reads, this);
  --reads_count;
}

void PahoReads::connect_sent(int socket, std::string_view client_id, int protocol) {
  const MutexLock lock(reads_mutex);
  const auto found = std::find_if(all_reads.begin(), all_reads.end(), [&](const PahoReads* reads) {
    return reads->socket_ < 0 && reads->client_id_ == client_id && reads->protocol_ == protocol;
  });
  if (found == all_reads.end()) return;
  (*found)->socket_ = socket;
  (*found)->inode_ = inode_of(socket);
}

bool PahoReads::has_sent_connect() const {
  const MutexLock lock(reads_mutex);
  return socket_ >= 0;
}

bool PahoReads::is_checked() const {
  const MutexLock lock(reads_mutex);
  return packets_.has_begun();
}

std::string PahoReads::error() const {
  const MutexLock lock(reads_mutex);
  return error_;
}

bool PahoReads::is_ended_by_broker() const {
  const MutexLock lock(reads_mutex);
  return ended_by_broker_.value_or(false);
}

bool PahoReads::is_too_large() const {
  const MutexLock lock(reads_mutex);
  return packets_.is_too_large();
}

bool PahoReads::is_crowded() const {
  const MutexLock lock(reads_mutex);
  return is_crowded_;
}

void PahoReads::release() noexcept {
  const MutexLock lock(reads_mutex);
  held_bytes_ = 0;
}

bool PahoReads::is_older() const {
  const MutexLock lock(reads_mutex);
  return packets_.is_older();
}

// The library reads and handles all packets on one thread: those that were whole at its last read have been handled.
std::string PahoReads::check(const All& all, std::string_view read) {
  for (PahoReads* const reads : all) {
    if (reads->is_whole_) reads->held_bytes_ = 0;
    reads->is_whole_ = false;
  }
  if (has_to_end_) return "a packet so slowly that others had to wait for its memory";
  std::string error = over_web_socket_ ? frames_.take(read, packets_) : packets_.take(read);
  return error.empty() ? hold_packet(all) : error;
}

std::string PahoReads::hold_packet(const All& all) {
  const std::uint64_t bytes = packets_.bytes_at_hand();
  is_whole_ = held_bytes_ > 0 && bytes == 0;
  if (bytes <= std::max(small_packet_bytes, held_bytes_)) return {};
  is_crowded_ = !make_room(all, bytes);
  if (is_crowded_) return "a packet of " + std::to_string(bytes) + " bytes while others have the memory for it";
  held_bytes_ = bytes;
  since_ = std::chrono::steady_clock::now();
  return {};
}

bool PahoReads::make_room(const All& all, std::uint64_t bytes) {
  const auto now = std::chrono::steady_clock::now();
  for (PahoReads* const other : all) {
    if (other == this) continue;
    bytes += other->held_bytes_;
    if (other->held_bytes_ > 0 && now - other->since_ > room_patience) other->is_crowded_ = other->has_to_end_ = true;
  }
  return bytes <= packets_.max_bytes();
}

long PahoReads::checked(int socket, const void* bytes, long count) {
  if (count < 0 || reads_count == 0) return count;
  const MutexLock lock(reads_mutex);
  const auto found = std::find_if(all_reads.begin(), all_reads.end(), [&](const PahoReads* reads) {
    return reads->socket_ == socket && reads->inode_ == inode_of(socket);
  });
  if (found == all_reads.end()) return count;
  PahoReads& reads = **found;
  if (count == 0) {
    // The first one tells. The library writes once more then, and behind a reset it reads 0 bytes as well.
    const std::optional<TcpState> state = tcp_state(socket);
    if (!reads.ended_by_broker_) reads.ended_by_broker_ = reads.error_.empty() && !(state && state->is_reset);
    return 0;
  }
  if (reads.error_.empty()) {
    reads.error_ = reads.check(all_reads, {static_cast<const char*>(bytes), static_cast<std::size_t>(count)});
  }
  return reads.error_.empty() ? count : 0;
}

}  // namespace edgetide
