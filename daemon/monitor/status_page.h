// status_page.html, as it was when the program was built. @NONCE@ stands where the answer's nonce goes.
//
// Thread: any. Fails: never.
#pragma once

#include <string_view>

namespace edgetide {

std::string_view status_page() noexcept;

}  // namespace edgetide
