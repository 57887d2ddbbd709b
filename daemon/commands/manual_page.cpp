#include "daemon/commands/manual_page.h"

#include "config/roff.h"

namespace edgetide {

namespace {

constexpr const char* head = R"(.SH NAME
edgetide \- aggregates sensor readings in event\-time windows and stores the rows
.SH SYNOPSIS
.B edgetide
.RI [ command ]
.RI [ options ]
.SH DESCRIPTION
Edgetide receives sensor readings over MQTT and sockets. They may be out of order, late, duplicated or stamped by a bad
clock. It puts each reading into the event\-time window it belongs to, computes aggregates per sensor, and writes them
to PostgreSQL or SQLite. A late reading corrects the row of its window. A reading that entered no window is counted and
kept in the quarantine.
.PP
Without a command, edgetide runs in the foreground until SIGTERM.
To run it as a service, edit
.IR /etc/edgetide/edgetide.toml ,
then
.BR "systemctl enable \-\-now edgetide" .
.SH COMMANDS
)";

constexpr const char* foot = R"(.SH REPLAY INPUT
A line of
.B edgetide replay
is a JSON object: a reading, or a control line. TIME is RFC 3339 text, or an integer of microseconds since 1970.
.TP
.B {"sensor":"kitchen","metric":"t","time":TIME,"value":21.5}
A reading. Optional: "metric" ("value" if it is left out), "source", "labels" (an object of strings), and "arrival", a
TIME that moves the virtual clock forward. Without "time" the reading takes the time of that clock.
.TP
.B {"tick":TIME}
Moves the virtual clock, lets the time of silent sensors pass, and emits the rows that are due. Without a tick nothing
is written until
.BR \-\-flush .
.TP
.B {"watermark":TIME}
Raises every watermark to at least this time: windows that end before it are closed at the next tick.
.TP
.B {"restart":true}
Writes a checkpoint, forgets all state and recovers from the disk. No row may change by that.
.PP
.nf
printf '%s\en' '{"sensor":"s","time":"2026\-11\-21T01:30:00Z","value":1.5}' \e
  '{"watermark":"2026\-11\-21T01:31:00Z"}' '{"tick":"2026\-11\-21T01:31:10Z"}' |
  edgetide replay \-\-config edgetide.toml
.fi
.SH EXIT STATUS
.TP
.B 0
Success.
.TP
.B 1
Failure at run time.
.TP
.B 64
Wrong usage.
.TP
.B 78
The configuration has errors. All of them are printed.
.SH SIGNALS
.TP
.BR SIGTERM ", " SIGINT
Stop: close the sources, emit all windows, deliver the rows, write a checkpoint.
.TP
.B SIGHUP
Read the configuration again. If it has an error, nothing changes. Otherwise unchanged sources, windows and sinks
continue, and changes that need a restart are logged.
.SH FILES
.TP
.I /etc/edgetide/edgetide.toml
The configuration; see
.BR edgetide.toml (5).
.TP
.I /etc/edgetide/conf.d/*.toml
Additional configuration files.
.TP
.I /etc/edgetide/credentials/
Passwords and keys for LoadCredential= in a drop\-in; see /usr/share/doc/edgetide/examples.
.TP
.I /var/lib/edgetide
The state directory: everything that must survive a crash, and the SQLite database unless its path is configured.
.TP
.IR /run/edgetide/control.sock ", or " control.sock " in the state directory"
The socket on which a running gateway answers status, top, sensors, why, tap, sink take and quarantine apply.
.SH EXAMPLES
.nf
edgetide check \-\-config /etc/edgetide/edgetide.toml
edgetide replay \-\-config edgetide.toml \-\-input yesterday.jsonl \-\-flush
edgetide quarantine list \-\-reason late_dropped \-\-limit 20
edgetide quarantine apply \-\-sensor 'hall*' \-\-since 2026\-11\-21T00:00:00Z
edgetide sensors \-\-late
edgetide why minute kitchen
.fi
.SH SEE ALSO
.BR edgetide.toml (5),
.BR systemctl (1)
)";

bool is_help(const CommandOption& option) {
  return option.names.back() == "--help";  // described once for all commands
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
  if (!command.examples.empty()) page += ".PP\nExamples:\n.PP\n.nf\n" + roff(command.examples) + ".fi\n";
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
