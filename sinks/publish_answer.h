// What the answer to a PUBLISH of QoS 1 means for its rows.
//
// Thread: pure. Fails: never; a code that MQTT does not have is tried again.
// See:    MQTT Version 5.0, 3.4.2.1
#pragma once

#include <string>

namespace edgetide {

struct PublishAnswer {
  enum class Kind {
    taken,
    row_refused,   // for what it is: it would be refused every time
    later,         // the broker cannot take it now
    needs_person,  // until somebody changes the broker or the configuration
  } kind = Kind::later;
  std::string words;  // "not authorized (135)", with what to do
};

constexpr int first_error_reason = 128;  // those below say that it was taken

// `reason` of PUBACK; MQTT 3.1.1 has none, which is 0.
PublishAnswer publish_answer(int reason);

}  // namespace edgetide
