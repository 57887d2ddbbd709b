// What the intake remembers besides the pipeline: part of a checkpoint. Bytes: strings of the sources' names, then the
// sessions with their newest messages, then the batches that wait for the clock, then the positions of sources, then
// the stored values, then how far each run came, then which late readings were added to rows, then the edges of sinks
// with `on = "change"`, then the former options that took batches which wait (pipeline/bytes.h); the last three are
// missing in states of earlier versions, and the last one where there are none.
//
// Thread: plain values. Fails: `restore` says false to bytes that are no such state.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "daemon/intake/clock_hold.h"
#include "daemon/intake/late_marks.h"
#include "daemon/intake/source_positions.h"
#include "daemon/intake/source_sessions.h"
#include "daemon/intake/stored_values.h"
#include "daemon/outbox/row_edges.h"
#include "sinks/state_history.h"

namespace edgetide {

struct IntakeState {
  std::vector<std::string> sources;  // by SourceId of the run that wrote it
  SourceSessions sessions;
  ClockHold held;
  SourcePositions positions;
  StoredValues values = {};
  StateHistory history;
  LateMarks late = {};
  RowEdges edges = {};

  std::string save() const {
    std::string bytes;
    ByteWriter out(bytes);
    out.u32(static_cast<std::uint32_t>(sources.size()));
    for (const std::string& name : sources) out.text(name);
    sessions.save(out);
    held.save(out);
    positions.save(out);
    values.save(out);
    history.save(out);
    late.save(out);
    edges.save(out);
    if (!held.former_options().empty()) held.save_options(out);
    return bytes;
  }
  bool restore(std::string_view bytes) {
    *this = {};
    ByteReader in(bytes);
    const std::uint32_t count = in.u32();
    if (!in.has(count, 4)) return false;
    for (std::uint32_t i = 0; i < count; ++i) sources.emplace_back(in.text());
    sessions.load(in);
    held.load(in);
    positions.load(in);
    values.load(in);
    history.load(in);
    if (!in.at_end()) late.load(in);
    if (!in.at_end()) edges.load(in);
    if (!in.at_end()) held.load_options(in);
    return in.ok() && in.at_end();
  }
};

}  // namespace edgetide
