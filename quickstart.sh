#!/bin/bash
# Edgetide in half a minute: builds it, starts a private MQTT broker and the daemon, lets twenty simulated sensors send
# readings that are out of order, late or wrong, and shows the resulting rows.
#
#   ./quickstart.sh               writes to a SQLite file
#   ./quickstart.sh --postgres    writes to a private PostgreSQL
#   --no-broker                   the sensors publish straight to the daemon, and no broker is started
#   --no-install                  uses the installed packages
#
# Everything runs on loopback in a temporary folder. Ctrl-C stops everything; the folder is kept.
set -euo pipefail
cd "$(dirname "$0")"

store=sqlite
install=1
broker=1
seconds=30
for argument in "$@"; do
  case $argument in
    --postgres) store=postgresql ;;
    --no-broker) broker= ;;
    --no-install) install= ;;
    *) echo "usage: ./quickstart.sh [--postgres] [--no-broker] [--no-install]" >&2; exit 64 ;;
  esac
done

folder=
pids=()
database_started=
as_postgres=()

end() {
  trap - EXIT INT TERM
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  for pid in "${pids[@]}"; do wait "$pid" 2>/dev/null || true; done
  if [ -n "$database_started" ]; then
    "${as_postgres[@]}" "$pg_bin/pg_ctl" -D "$folder/pg/data" -m fast -w stop >/dev/null 2>&1 || true
  fi
}
trap end EXIT
trap 'echo; echo "Stopped. The files are in $folder"; exit 130' INT TERM

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
[ -t 1 ] && [ -z "${NO_COLOR:-}" ] || say() { printf '\n%s\n' "$*"; }

build() {
  say "1. Building (about two minutes the first time)"
  if [ -n "$install" ]; then
    tests/install.sh build demo
    [ $store = sqlite ] || tests/install.sh demo-postgres
  fi
  cmake --preset release >/dev/null
  cmake --build --preset release --target edgetide edgetide_simulate
}

free_port() {  # prints an unused loopback port
  local port
  while port=$((20000 + RANDOM)); do
    (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || { echo "$port"; return; }
  done
}

wait_for() {  # COMMAND...: retries until it succeeds, at most 30 s
  local tries=0
  until "$@" >/dev/null 2>&1; do
    tries=$((tries + 1))
    [ $tries -lt 300 ] || { echo "timed out waiting for: $*" >&2; tail -n 5 "$folder"/*.log >&2; exit 1; }
    sleep 0.1
  done
}

start_broker() {
  port=$(free_port)
  printf 'listener %s 127.0.0.1\nallow_anonymous true\npersistence false\n' "$port" >"$folder/mosquitto.conf"
  [ "$(id -u)" -ne 0 ] || echo "user root" >>"$folder/mosquitto.conf"
  mosquitto -c "$folder/mosquitto.conf" >"$folder/mosquitto.log" 2>&1 &
  pids+=($!)
  wait_for bash -c "exec 3<>/dev/tcp/127.0.0.1/$port"
}

start_database() {
  pg_bin=$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -n 1)
  mkdir -m 777 "$folder/pg"
  chmod 755 "$folder"
  [ "$(id -u)" -ne 0 ] || as_postgres=(runuser -u postgres --)
  (cd / && "${as_postgres[@]}" "$pg_bin/initdb" -D "$folder/pg/data" -A trust -U postgres -E UTF8 --no-sync) \
    >"$folder/postgres.log" 2>&1
  (cd / && "${as_postgres[@]}" "$pg_bin/pg_ctl" -D "$folder/pg/data" -w -l "$folder/pg/server.log" \
    -o "-k $folder/pg -c listen_addresses=''" start) >>"$folder/postgres.log" 2>&1
  database_started=1
}

write_source() {
  if [ -n "$broker" ]; then
    printf 'type = "mqtt"\nservers = ["mqtt://127.0.0.1:%s"]\n' "$port"
  else
    printf 'type = "mqtt_listener"\nlisten = "127.0.0.1:%s"\n' "$port"
  fi
}

write_config() {
  cat >"$folder/edgetide.toml" <<TOML
# The quick start's configuration; README.md explains it.
[gateway]
id = "quickstart"
state_directory = "$folder"
[clock]
wait_after_boot = "0s"

[time]
max_out_of_orderness = "3s"   # how far out of order the readings of a sensor may be
idle_timeout = "10s"          # a sensor that is silent for this long no longer holds its window open

[sources.home]
$(write_source)

  [[sources.home.routes]]
  topic = "sensors/{device}/{metric}"
  format = "json"
  time = { path = "time", format = "unix_us" }
  values = ["temperature"]

[windows.ten_seconds]
size = "10s"
allowed_lateness = "5s"       # a late reading corrects its row for this long
trigger = "2s"
aggregates = ["count", "min", "max", "avg", "last"]

TOML
  if [ $store = sqlite ]; then
    printf '[sinks.local]\ntype = "sqlite"\n' >>"$folder/edgetide.toml"
  else
    printf '[sinks.history]\ntype = "postgresql"\nconnection = "host=%s dbname=postgres user=postgres"\n' \
      "$folder/pg" >>"$folder/edgetide.toml"
  fi
}

query() {  # SQL
  if [ $store = sqlite ]; then
    sqlite3 -batch -header -column "$folder/edgetide.db" "$1"
  else
    psql -X -h "$folder/pg" -U postgres -d postgres -P footer=off -P pager=off -c "SET search_path = edgetide" -c "$1" |
      sed '/^SET$/d'
  fi
}

number_of_rows() {
  if [ $store = sqlite ]; then
    sqlite3 -batch "$folder/edgetide.db" "SELECT count(*) FROM ten_seconds" 2>/dev/null || echo 0
  else
    psql -XAtq -h "$folder/pg" -U postgres -d postgres -c "SELECT count(*) FROM edgetide.ten_seconds" 2>/dev/null || echo 0
  fi
}

run_demo() {
  build/release/edgetide run --config "$folder/edgetide.toml" --summary "$folder/summary.json" 2>"$folder/edgetide.log" &
  daemon=$!
  pids+=("$daemon")
  wait_for grep -q "source home: connected to" "$folder/edgetide.log"
  build/release/tests/tools/edgetide_simulate --to "mqtt://127.0.0.1:$port" --demo --live --sensors 20 \
    --readings $((seconds * 40)) --span $seconds --disorder 3 --late-by 6 --very-late-by 9 --quiet &
  pids+=($!)
  local began=$SECONDS
  while [ $((SECONDS - began)) -lt $seconds ]; do
    sleep 5
    echo "   $((SECONDS - began)) s: $(number_of_rows) rows in the store"
  done
  kill "$daemon"
  wait "$daemon"
}

show() {
  say "4. The rows: one per sensor and ten seconds"
  query "SELECT substr(CAST(time AS text), 12, 8) AS start, sensor_id AS sensor, count, round(CAST(min AS numeric), 2) AS min,
         round(CAST(max AS numeric), 2) AS max, round(CAST(avg AS numeric), 2) AS avg, state, revision
         FROM ten_seconds ORDER BY time, sensor_id LIMIT 24"
  echo "'final' rows never change again; 'closed' rows can still be corrected; revision counts how often a row was written."
  say "5. The outcome of every reading"
  tr ',{}' '\n\n\n' <"$folder/summary.json" | sed -n '/^"watermark"/q; s/"\([a-z_]*\)":\([0-9][0-9]*\)$/   \1 \2/p' |
    grep -v -e ' rows ' -e ' epochs ' -e ' restamped '
  echo "too_early: the clock that is an hour fast. bad_number: the payload without a number. Other sensors are not affected."
  say "6. Where to look next"
  echo "   configuration  $folder/edgetide.toml"
  echo "   log            $folder/edgetide.log"
  if [ $store = sqlite ]; then
    echo "   database       $folder/edgetide.db"
    echo "   query          sqlite3 -header -column $folder/edgetide.db 'SELECT * FROM ten_seconds_latest'"
  else
    echo "   database       $folder/pg/data (stops now; start it again to query it)"
    echo "   query          SELECT * FROM edgetide.ten_seconds_latest;"
  fi
}

build
folder=$(mktemp -d -t edgetide-quickstart-XXXXXX)
if [ -n "$broker" ]; then
  say "2. Starting a private broker and the daemon in $folder"
  start_broker
else
  say "2. Starting the daemon in $folder"
  port=$(free_port)
fi
[ $store = sqlite ] || start_database
write_config
say "3. Twenty sensors send for $seconds seconds: out of order, late, one an hour fast, one silent, one with text for a number"
run_demo
show
