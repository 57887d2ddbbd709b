"""Rows that a sink sends away: what must be in them, and which of them came again."""
import random

from gateway import reading

SENT_ANEW = ("epoch", "run", "state")  # what may differ in a row that comes again


def key_of(row):
    return row["gateway"], row["window"], row["sensor"], row["metric"], row["start"]


def newest(rows):
    """{sensor: (count, sum)} of the greatest revisions."""
    best = {}
    for row in rows:
        if row["revision"] >= best.get(key_of(row), row)["revision"]:
            best[key_of(row)] = row
    found = {}
    for row in best.values():
        had = found.get(row["sensor"], (0, 0))
        found[row["sensor"]] = (had[0] + row["count"], had[1] + row["sum"])
    return found


def doubled(rows):
    """How many came again, and those that came again with other content under the same key and revision."""
    seen, again, other = {}, 0, []
    for row in rows:
        content = {name: value for name, value in row.items() if name not in SENT_ANEW}
        before = seen.setdefault((key_of(row), row["revision"]), content)
        again += before is not content
        if before != content:
            other.append((before, content))
    return again, other


class Feed:
    """Acknowledged readings over TCP, and what must be in the newest row of each sensor."""

    def __init__(self, gateway, sensors=50):
        self.gateway, self.sensors, self.expected, self.sent = gateway, sensors, {}, 0

    def send(self, count):
        lines = []
        for _ in range(count):
            sensor, level = f"s{random.randrange(self.sensors)}", random.randrange(100)
            had = self.expected.get(sensor, (0, 0))
            self.expected[sensor] = (had[0] + 1, had[1] + level)
            lines.append(reading(sensor, self.sent % 1000, level))
            self.sent += 1
        answered = self.gateway.send(*lines)
        assert answered == count, f"{answered} of {count} readings acknowledged"
