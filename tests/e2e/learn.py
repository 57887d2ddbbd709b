#!/usr/bin/env python3
"""`edgetide learn` at a real broker: the configuration that it prints passes `check`, and reads what it heard."""
import json
import subprocess
import sys

from world import World, wait_for

EDGETIDE = sys.argv[1] + "/edgetide"
# Of eight families, and how many readings are in each.
TAG = "ruuvi/F4:D9:16:FE:4F:AD/F4:1F:0C:28:CB:D6"
MESSAGES = [
    ("tele/attic/SENSOR", {"Time": "2026-01-02T09:09:44", "DS18B20": {"Temperature": 13.3}, "TempUnit": "C"}, 1),
    ("tele/washer/SENSOR", {"Time": "2026-01-02T09:09:44", "ENERGY": {"Total": 25, "Power": 7, "Voltage": 246}}, 3),
    ("tele/attic/LWT", "Online", 0),
    ("zigbee2mqtt/kitchen", {"battery": 100, "temperature": 21.58}, 2),
    ("zigbee2mqtt/hall/door", {"battery": 90, "contact": True, "voltage": 2995}, 3),
    ("zigbee2mqtt/bridge/state", {"state": "online"}, 0),
    ("shellies/plug1/relay/0/power", 23.4, 1),
    ("shellyplusht-1/events/rpc", {"src": "shellyplusht-1", "method": "NotifyFullStatus", "params": {
        "ts": 1767344984.5, "temperature:0": {"id": 0, "tC": 19.8}, "humidity:0": {"id": 0, "rh": 42.2}}}, 2),
    ("livingroom/sensor/bme280/state", 20.5, 1),
    ("livingroom/sensor/bme280_hum/state", 40.5, 1),
    ("livingroom/status", "online", 0),
    (TAG, {"gw_mac": "F4:D9:16:FE:4F:AD", "rssi": -40, "aoa": [], "gwts": 1767344985, "ts": 1767344984,
           "data": "0201061BFF9904050EC66C18CA36", "dataFormat": 5, "temperature": 18.91, "humidity": 69.36}, 3),
    ("v3/app@ttn/devices/dev1/up",
     {"end_device_ids": {"device_id": "dev1"}, "uplink_message": {"decoded_payload": {"t": 29.9}}}, 1),
    ("plant/hall/press/pressure", 3.5, 1),
    ("plant/yard/pump/pressure", 1.5, 1),
]


def edgetide(*arguments, text=None):
    return subprocess.run([EDGETIDE, *arguments], input=text, capture_output=True, text=True, timeout=120)


def main():
    with World(sys.argv[1]) as world:
        port, _ = world.mosquitto()
        for topic, payload, _ in MESSAGES:
            subprocess.run(["mosquitto_pub", "-p", str(port), "-r", "-q", "1", "-t", topic, "-m", json.dumps(payload)],
                           check=True, timeout=60)
        answers = []

        def hears_all():
            answers.append(edgetide("learn", "--server", f"mqtt://127.0.0.1:{port}", "--seconds", "2"))
            return f"{len(MESSAGES)} messages" in answers[-1].stdout

        wait_for(hears_all, "all retained messages")
        learned = answers[-1].stdout
        config = str(world.write("learned.toml", learned))
        checked = edgetide("check", "--no-environment", "-c", config)
        assert checked.returncode == 0, checked.stderr
        for topic, payload, readings in MESSAGES:
            answer = edgetide("decode", "-c", config, "--topic", topic, "--format", "json", text=json.dumps(payload))
            assert len(answer.stdout.splitlines()) == readings, (topic, answer.stdout, answer.stderr)
        assert "tele/attic/LWT" in learned

        silent = edgetide("learn", "--server", f"mqtt://127.0.0.1:{port}", "--seconds", "1", "--topic", "nothing/here")
        assert (silent.returncode, "no message came" in silent.stderr) == (1, True), silent.stderr


if __name__ == "__main__":
    main()
