// The groups of the key table, one function each. For key_table.cpp only.
//
// Thread: any. Fails: never.
#pragma once

#include "config/key_table.h"

namespace edgetide::keys {

// key_groups.cpp, key_groups_windows.cpp
KeyGroup top_keys();
KeyGroup gateway_keys();
KeyGroup log_keys();
KeyGroup http_keys();
KeyGroup metrics_keys();
KeyGroup time_keys();
KeyGroup limits_keys();
KeyGroup journal_keys();
KeyGroup clock_keys();
KeyGroup checkpoint_keys();
KeyGroup quarantine_keys();
KeyGroup table_keys();
KeyGroup window_keys();
KeyGroup match_keys();
KeyGroup top_rows_keys();
KeyGroup sink_keys();
KeyGroup outbox_keys();
KeyGroup test_keys();
KeyGroup test_message_keys();

// key_groups_sources.cpp
KeyGroup source_keys();
KeyGroup mapping_keys(const Parts& parts);
KeyGroup payload_field_keys();
KeyGroup time_field_keys(const Parts& parts);
KeyGroup value_field_keys();
KeyGroup dedupe_field_keys();

}  // namespace edgetide::keys
