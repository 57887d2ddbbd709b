#include "daemon/commands/commands.h"

int main(int argc, char** argv) {
  return edgetide::command_line(argc, argv);
}
