// Reads what a command writes to its standard error, line by line, so that it never waits for us.
//
// Owns:   the descriptor and a thread, from construction to destruction. `tell` is called on that thread.
// Fails:  never; the thread ends with the command's output.
// Limit:  1 KiB of a line; the rest of it is left out.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <thread>

#include "daemon/service/descriptor.h"

namespace edgetide {

class CommandErrors {
 public:
  using Tell = std::function<void(std::string_view line)>;  // not printable yet

  CommandErrors(Descriptor from, Tell tell);
  // What is there is read first.
  ~CommandErrors();
  CommandErrors(const CommandErrors&) = delete;
  CommandErrors& operator=(const CommandErrors&) = delete;

 private:
  void run() noexcept;
  bool read_some();

  const Descriptor from_, stop_;
  const Tell tell_;
  std::string line_;
  std::thread thread_;
};

}  // namespace edgetide
