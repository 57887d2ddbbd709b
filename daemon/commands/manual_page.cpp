#include "daemon/commands/manual_page.h"

#include "config/roff.h"

namespace edgetide {

namespace {

constexpr const char* head = R"(.SH NAME
edgetide \- sensor readings in, event-time windows, aggregate rows out
.SH SYNOPSIS
.B edgetide
.RI [ command ]
.RI [ options ]
.SH DESCRIPTION
Edgetide takes readings of sensors over MQTT and sockets, out of order, late, twice and with bad clocks, puts each into
the window of event time that it belongs to, computes aggregates per sensor, and writes them to PostgreSQL or SQLite.
A late reading corrects the row of its window; a reading that entered no window is counted, and kept to be looked at.
.PP
Without a command it runs: in the foreground, until SIGTERM.
As a service: edit
.IR /etc/edgetide/edgetide.toml ,
then
.BR "systemctl enable \-\-now edgetide" .
.SH COMMANDS
)";

constexpr const char* foot = R"(.SH EXIT STATUS
.TP
.B 0
Fine.
.TP
.B 1
Failed at run time.
.TP
.B 64
Wrong usage.
.TP
.B 78
The configuration has errors. All of them are printed.
.SH SIGNALS
.TP
.BR SIGTERM ", " SIGINT
End: take no more, let every window leave, deliver.
.TP
.B SIGHUP
Read the configuration again, all of it or nothing: what did not change goes on, what needs a restart is logged.
.SH FILES
.TP
.I /etc/edgetide/edgetide.toml
The configuration, see
.BR edgetide.toml (5).
.TP
.I /etc/edgetide/conf.d/*.toml
More of it.
.TP
.I /etc/edgetide/credentials/
Passwords and keys for LoadCredential= in a drop\-in; /usr/share/doc/edgetide/examples has one.
.TP
.I /var/lib/edgetide
The state directory: what must survive a crash, and the SQLite database unless it is told to be elsewhere.
.TP
.IR /run/edgetide/control.sock ", or " control.sock " in the state directory"
Where a running gateway answers status, top, sensors, why and tap.
.SH EXAMPLES
.nf
edgetide check \-\-config /etc/edgetide/edgetide.toml
edgetide replay \-\-config edgetide.toml \-\-input yesterday.jsonl \-\-flush
edgetide quarantine list \-\-reason late_dropped \-\-limit 20
edgetide sensors \-\-late
edgetide why minute kitchen
.fi
.SH SEE ALSO
.BR edgetide.toml (5),
.BR systemctl (1)
)";

bool is_help(const CommandOption& option) {
  return option.names.back() == "--help";  // told once, for all
}

std::string entry(const CommandOption& option) {
  std::string text = ".TP\n";
  for (const std::string& name : option.names) text += (text == ".TP\n" ? "" : ", ") + roff_bold(name);
  if (!option.value.empty()) text += " \\fI" + roff(option.value) + "\\fR";
  text += '\n' + roff(option.description);
  if (!option.standard.empty()) text += " (default " + roff(option.standard) + ')';
  return text + '\n';
}

void append_command(const Command& command, std::string& page) {
  page += ".SS " + roff(command.path) + '\n' + roff(command.description) + ".\n";
  for (const CommandOption& argument : command.arguments) page += entry(argument);
  for (const CommandOption& option : command.options) page += is_help(option) ? "" : entry(option);
  for (const Command& inner : command.commands) append_command(inner, page);
}

}  // namespace

std::string command_manual(const Command& root) {
  std::string page = roff_title("edgetide", "1", "User commands") + head;
  for (const CommandOption& option : root.options) page += entry(option);
  for (const Command& command : root.commands) append_command(command, page);
  return page + foot;
}

}  // namespace edgetide
