"""A peer of a tcp source with acknowledgements, which loses no line."""
import socket
import threading
import time


class TcpSender(threading.Thread):
    """Sends one line after the other; what was not acknowledged when the connection broke is sent again."""

    def __init__(self, port, lines):
        super().__init__(daemon=True)
        self.port, self.lines, self.acknowledged, self.resent = port, lines, 0, 0

    def run(self):
        while self.acknowledged < len(self.lines):
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
                    self.talk(connection)
            except OSError:
                time.sleep(0.05)

    def talk(self, connection):
        base, sent = self.acknowledged, self.acknowledged
        answers = connection.makefile("r")
        while self.acknowledged < len(self.lines):
            part = self.lines[sent:sent + 20]
            sent += len(part)
            connection.sendall("".join(part).encode())
            while self.acknowledged < sent:
                answer = answers.readline()
                if not answer:
                    self.resent += sent - self.acknowledged
                    return
                self.acknowledged = base + int(answer.split()[1])
            time.sleep(0.02)
