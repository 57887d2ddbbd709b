// What the control socket answers; every command takes a format, text or json, as its last word.
//
//   status FORMAT
//   sensors all|late|silent|skewed FORMAT
//   why WINDOW SENSOR FORMAT
//   sink take SINK FORMAT           takes the sink back from the instance that has taken it over
//   quarantine apply GLOB TIME FORMAT   adds late readings to rows: of sensors that match, with an event time from TIME
//                                       on (RFC 3339); each may be empty
//   tap SOURCE|WINDOW FORMAT        a stream, a line each
//   names sources|windows|sinks|sensors FORMAT   one a line, for completion; of sensors the first 1,000
//   top COLUMNS LINES               a stream of frames, one a second, each ended by a form feed
//
// Thread: the monitor's. Fails: never; what goes wrong is an answer that begins with "error: ".
#pragma once

#include "daemon/monitor/control_server.h"
#include "daemon/monitor/monitor_hooks.h"

namespace edgetide {

inline constexpr char frame_end = '\f';

ControlCommands control_commands(MonitorHooks hooks);

}  // namespace edgetide
