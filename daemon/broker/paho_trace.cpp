#include "daemon/broker/paho_trace.h"

#include <MQTTAsync.h>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <exception>

#include "daemon/broker/connect_failure.h"
#include "daemon/broker/paho_reads.h"
#include "daemon/service/mutex.h"

namespace edgetide {

namespace {

constexpr std::size_t max_client_id_bytes = 128;  // without blanks

// The socket of the CONNACK that Paho's receive thread has read last.
thread_local int connected_socket = no_socket;
// What the trace said last of a connect that fails, on this thread, since the last one began.
constexpr std::size_t max_traced_failure = 255;
thread_local char traced_words[max_traced_failure + 1] = {};

Mutex trace_mutex;
int traced_connects GUARDED_BY(trace_mutex) = 0;

void note_traced_failure(const char* line) noexcept {
  try {
    const std::string words = traced_failure(line);
    if (!words.empty()) traced_words[words.copy(traced_words, max_traced_failure)] = '\0';
  } catch (const std::exception&) {
    traced_words[0] = '\0';
  }
}

// A line of Paho's trace: "YYYYMMDD HHMMSS.mmm SOCKET CLIENT-ID <- CONNACK rc: 0", or "-> CONNECT version 5 clean: 0".
void note_traced_line(MQTTASYNC_TRACE_LEVELS, char* line) noexcept {
  int socket = no_socket, version = 0;
  char client_id[max_client_id_bytes + 1] = {};
  if (std::strstr(line, " <- CONNACK ") != nullptr) {
    if (std::sscanf(line, "%*s %*s %d ", &socket) == 1) connected_socket = socket;
  } else if (std::sscanf(line, "%*s %*s %d %128s -> CONNECT version %d", &socket, client_id, &version) == 3) {
    PahoReads::connect_sent(socket, client_id, version == MQTTVERSION_5 ? 5 : 3);
    traced_words[0] = '\0';
  } else {
    note_traced_failure(line);
  }
}

}  // namespace

TracedConnect::TracedConnect() {
  const MutexLock lock(trace_mutex);
  if (traced_connects++ > 0) return;
  MQTTAsync_setTraceCallback(note_traced_line);
  MQTTAsync_setTraceLevel(MQTTASYNC_TRACE_PROTOCOL);
}

TracedConnect::~TracedConnect() {
  const MutexLock lock(trace_mutex);
  if (--traced_connects == 0) MQTTAsync_setTraceLevel(MQTTASYNC_TRACE_ERROR);
}

int traced_socket() noexcept {
  return connected_socket;
}

std::string take_traced_failure() {
  std::string words = traced_words;
  traced_words[0] = '\0';
  return words;
}

}  // namespace edgetide
