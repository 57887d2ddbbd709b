// The state of a store claim (store_claim.h) as the note of an offset, which is where the Kafka sink keeps it:
//
//   edgetide 1 INCARNATION STATE RUN EPOCH UPDATED CLAIMED PROCESS
//
// STATE is hexadecimal, times are in microseconds, PROCESS is the rest of the note.
//
// Thread: pure. Fails: a note of somebody else is not parsed.
// Limit:  500 bytes of PROCESS; brokers take 4096 of a note.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "sinks/store_claim.h"

namespace edgetide {

std::string kafka_claim_note(const ClaimState& state);
std::optional<ClaimState> parse_kafka_claim(std::string_view note);

}  // namespace edgetide
