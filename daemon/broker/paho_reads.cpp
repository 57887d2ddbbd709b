#include "daemon/broker/paho_reads.h"

#include <algorithm>
#include <atomic>
#include <new>
#include <pthread.h>
#include <sys/stat.h>
#include <utility>
#include <vector>

#include "daemon/broker/web_socket_answer.h"
#include "daemon/service/tcp_state.h"

namespace edgetide {

namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t small_packet_bytes = 384 * 1024;  // is not counted: no larger one comes with MQTT 5
constexpr auto room_patience = 30s;                       // so long a packet may take that others wait for

constexpr std::size_t read_bytes = 16 * 1024;
constexpr std::string_view library_thread = "MQTTAsync_rcv";  // reads all sockets of the library

// The reads of everything else cost no more than a look at these.
std::atomic<int> reads_count = 0, web_socket_count = 0;
Mutex reads_mutex;
std::vector<PahoReads*> all_reads GUARDED_BY(reads_mutex);

// A WebSocket whose server was asked to open it. No CONNECT has told yet whose it is.
struct OpeningSocket {
  int socket;
  ino_t inode;
  WebSocketAnswer answer;
};
std::vector<OpeningSocket> opening_sockets GUARDED_BY(reads_mutex);

ino_t inode_of(int socket) noexcept {
  struct stat status = {};
  return fstat(socket, &status) == 0 ? status.st_ino : 0;
}

bool is_library_thread() noexcept {
  char name[16] = {};
  return pthread_getname_np(pthread_self(), name, sizeof(name)) == 0 && name == library_thread;
}

WebSocketAnswer& answer_on(int socket) REQUIRES(reads_mutex) {
  const ino_t inode = inode_of(socket);
  std::erase_if(opening_sockets,
                [&](const OpeningSocket& other) { return other.socket == socket && other.inode != inode; });
  const auto found = std::find_if(opening_sockets.begin(), opening_sockets.end(),
                                  [&](const OpeningSocket& other) { return other.socket == socket; });
  if (found != opening_sockets.end()) return found->answer;
  opening_sockets.push_back({socket, inode, {}});
  return opening_sockets.back().answer;
}

std::optional<long> read_answer(WebSocketAnswer& answer, void* into, std::size_t size, const SocketRead& read) {
  if (answer.is_given()) return std::nullopt;  // the next reads are of an unknown connection
  while (!answer.is_whole()) {
    char bytes[read_bytes];
    const long count = read(bytes, std::min(sizeof(bytes), answer.wanted()));
    if (count <= 0) return count;
    if (!answer.take({bytes, static_cast<std::size_t>(count)})) return 0;
  }
  return static_cast<long>(answer.give(static_cast<char*>(into), size));
}

}  // namespace

PahoReads::PahoReads(std::string client_id, BrokerPackets::Limits limits)
    : client_id_(std::move(client_id)),
      protocol_(limits.protocol),
      over_web_socket_(limits.over_web_socket),
      packets_(limits) {
  check_reads_with(&PahoReads::checked);
  filter_reads_with(&PahoReads::filtered);
  const MutexLock lock(reads_mutex);
  all_reads.push_back(this);
  ++reads_count;
  if (over_web_socket_) ++web_socket_count;
}

PahoReads::~PahoReads() {
  const MutexLock lock(reads_mutex);
  held_bytes_ = 0;
  std::erase(all_reads, this);
  --reads_count;
  if (over_web_socket_ && --web_socket_count == 0) opening_sockets.clear();
}

void PahoReads::connect_sent(int socket, std::string_view client_id, int protocol) {
  const MutexLock lock(reads_mutex);
  std::erase_if(opening_sockets, [&](const OpeningSocket& opened) { return opened.socket == socket; });
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
  return packets_.is_too_large() || has_no_memory_;
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

PahoReads* PahoReads::find(const All& all, int socket) noexcept {
  const auto found = std::find_if(all.begin(), all.end(), [&](const PahoReads* reads) {
    return reads->socket_ == socket && reads->inode_ == inode_of(socket);
  });
  return found == all.end() ? nullptr : *found;
}

bool PahoReads::awaits_web_socket(const All& all) noexcept {
  return std::any_of(all.begin(), all.end(),
                     [](const PahoReads* reads) { return reads->over_web_socket_ && reads->socket_ < 0; });
}

// The first one tells. The library writes once more then, and behind a reset it reads 0 bytes as well.
void PahoReads::note_end(int socket) noexcept {
  const std::optional<TcpState> state = tcp_state(socket);
  if (!ended_by_broker_) ended_by_broker_ = error_.empty() && !(state && state->is_reset);
}

long PahoReads::checked(int socket, const void* bytes, long count) {
  if (count < 0 || reads_count == 0) return count;
  const MutexLock lock(reads_mutex);
  PahoReads* const reads = find(all_reads, socket);
  if (reads == nullptr) return count;
  if (count == 0) {
    reads->note_end(socket);
    return 0;
  }
  if (reads->error_.empty()) {
    reads->error_ = reads->check(all_reads, {static_cast<const char*>(bytes), static_cast<std::size_t>(count)});
  }
  return reads->error_.empty() ? count : 0;
}

std::optional<long> PahoReads::filtered(int socket, void* into, std::size_t size, const SocketRead& read) {
  if (web_socket_count == 0) return std::nullopt;
  const MutexLock lock(reads_mutex);
  PahoReads* const reads = find(all_reads, socket);
  if (reads == nullptr) {
    if (!awaits_web_socket(all_reads) || !is_library_thread()) return std::nullopt;
    return read_answer(answer_on(socket), into, size, read);
  }
  return reads->over_web_socket_ ? std::optional(reads->read_frames(all_reads, into, size, read)) : std::nullopt;
}

// As long as no packet is whole, the library is where it was before it began to read.
long PahoReads::read_frames(const All& all, void* into, std::size_t size, const SocketRead& read) {
  while (error_.empty() && !frames_.has_ready()) {
    char bytes[read_bytes];
    const long count = read(bytes, std::min(sizeof(bytes), frames_.wanted(packets_)));
    if (count < 0) frames_.rest();
    if (count == 0) note_end(socket_);
    if (count <= 0) return count;
    try {
      error_ = check(all, {bytes, static_cast<std::size_t>(count)});
    } catch (const std::bad_alloc&) {
      has_no_memory_ = true;
      error_ = "a packet for which there is no memory";
    }
  }
  return error_.empty() ? static_cast<long>(frames_.give(static_cast<char*>(into), size)) : 0;
}

}  // namespace edgetide
