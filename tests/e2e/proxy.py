"""A TCP proxy on loopback between a client and a server that can hold, delay, cut and refuse, each direction apart.

    with Proxy(server_port) as proxy:
        ... connect to proxy.port ...
        proxy.hold()                # both ways: bytes wait, connections stay; hold(UP) only from client to server
        proxy.release()
        proxy.delay(DOWN, 0.2)      # every byte from server to client comes 0.2 s later
        proxy.cut()                 # resets all connections; new ones are taken
        proxy.refuse()              # new connections are refused until accept()

Thread: one that forwards everything; the calls may come from any thread. Limit: 1 MiB waits in each direction, then the
sender feels it, as on a real path.
"""
import collections
import socket
import struct
import threading
import time

UP, DOWN = "up", "down"  # client to server, server to client
MAX_WAITING = 1 << 20


class Pipe:
    """One direction of one connection: what was read, with the time from which it may go on."""

    def __init__(self, direction, source, target):
        self.direction, self.source, self.target = direction, source, target
        self.waiting, self.bytes, self.ended = collections.deque(), 0, False


class Proxy:
    def __init__(self, server_port):
        self.server_port = server_port
        self.lock = threading.Lock()
        self.held, self.delays, self.pipes, self.forwarded = set(), {UP: 0.0, DOWN: 0.0}, [], {UP: 0, DOWN: 0}
        self.connections = 0
        self.listener = self._listen(0)
        self.port = self.listener.getsockname()[1]
        self.ending = False
        self.thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ending = True
        self.thread.join(10)
        self.cut()
        self.refuse()

    @staticmethod
    def _listen(port):
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen(64)
        listener.setblocking(False)
        return listener

    def hold(self, *directions):
        with self.lock:
            self.held |= set(directions or (UP, DOWN))

    def release(self, *directions):
        with self.lock:
            self.held -= set(directions or (UP, DOWN))

    def delay(self, direction, seconds):
        with self.lock:
            self.delays[direction] = seconds

    def cut(self):
        """As a router that has forgotten us: both ends get a reset, what waits is gone."""
        with self.lock:
            for pipe in self.pipes:
                self._reset(pipe.source)
            self.pipes.clear()

    def refuse(self):
        with self.lock:
            if self.listener:
                self.listener.close()
            self.listener = None

    def accept(self):
        with self.lock:
            if self.listener is None:
                self.listener = self._listen(self.port)

    @staticmethod
    def _reset(end):
        try:
            end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        except OSError:
            pass
        end.close()

    def _run(self):
        while not self.ending:
            with self.lock:
                moved = self._take_connection() + sum(self._move(pipe) for pipe in list(self.pipes))
            if not moved:
                time.sleep(0.005)  # coarse, and enough for tests

    def _take_connection(self):
        if self.listener is None:
            return 0
        try:
            client, _ = self.listener.accept()
        except OSError:
            return 0
        try:
            server = socket.create_connection(("127.0.0.1", self.server_port), timeout=5)
        except OSError:
            self._reset(client)
            return 0
        for end in (client, server):
            end.setblocking(False)
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.pipes += [Pipe(UP, client, server), Pipe(DOWN, server, client)]
        self.connections += 1
        return 1

    def _move(self, pipe):
        try:
            return self._read(pipe) + self._write(pipe)
        except BlockingIOError:
            return 0
        except OSError:
            self._drop(pipe)
            return 0

    def _read(self, pipe):
        if pipe.ended or pipe.bytes >= MAX_WAITING:
            return 0
        try:
            data = pipe.source.recv(65536)
        except BlockingIOError:
            return 0
        if not data:
            pipe.ended = True
            return 0
        pipe.waiting.append((time.monotonic() + self.delays[pipe.direction], data))
        pipe.bytes += len(data)
        return len(data)

    def _write(self, pipe):
        if pipe.direction in self.held:
            return 0
        if not pipe.waiting:
            if pipe.ended:
                self._drop(pipe)
            return 0
        due, data = pipe.waiting[0]
        if due > time.monotonic():
            return 0
        sent = pipe.target.send(data)
        pipe.bytes -= sent
        self.forwarded[pipe.direction] += sent
        pipe.waiting.popleft()
        if sent < len(data):
            pipe.waiting.appendleft((due, data[sent:]))
        return sent

    def _drop(self, pipe):
        """An end that has gone takes the other with it, except while a hold keeps the connection."""
        ends = {pipe.source, pipe.target}
        self.pipes = [other for other in self.pipes if other.source not in ends]
        for end in ends:
            end.close()
