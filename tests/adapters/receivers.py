"""Receivers of webhooks on real sockets, good and bad ones, and a small internet that leads to them."""

from __future__ import annotations

import datetime
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from app.adapters.webhook_sender import HttpWebhookSender
from app.services.ports import WebhookOutcome, WebhookRequest
from tests.fakes import FakeClock

PUBLIC = "8.8.8.8"
URL = "https://hooks.example/in?a=1"
ANSWER_MAX_BYTES = 64 * 1024
SHORT_SECONDS = 0.3
"""For receivers that never come to an end. None of the others takes anything like the long one."""
LONG_SECONDS = 60.0
TLS = ssl.create_default_context()
"""Shared by hundreds of senders: reading the system's certificates takes a while. None: one of their own."""


@dataclass
class Receiver:
    """What a receiver saw. `requests` are whole ones, head and body."""

    port: int
    connections: int = 0
    requests: list[bytes] = field(default_factory=list)
    server_names: list[str | None] = field(default_factory=list)
    is_closing: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/in"


Talk = Callable[[socket.socket, Receiver], bool | None]
"""Answers a request. True where the connection is to stay open for another."""


def answer(status: str = "200 OK", body: bytes = b"", *headers: str, stays: bool = True) -> Talk:
    """A whole HTTP answer."""
    head = "\r\n".join([f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers])
    return raw(head.encode("ascii") + b"\r\n\r\n" + body, stays=stays)


def raw(data: bytes, *, stays: bool = False) -> Talk:
    """These very bytes."""

    def talk(connection: socket.socket, _: Receiver) -> bool:
        connection.sendall(data)
        return stays

    return talk


def drip(beginning: bytes, part: bytes = b"x") -> Talk:
    """Never comes to an end, and never stands still either."""

    def talk(connection: socket.socket, receiver: Receiver) -> None:
        connection.sendall(beginning)
        while not receiver.is_closing.wait(0.01):
            connection.sendall(part)

    return talk


def flood(beginning: bytes, part: bytes) -> Talk:
    """500 MB, as fast as they are taken."""

    def talk(connection: socket.socket, _receiver: Receiver) -> None:
        connection.sendall(beginning)
        for _ in range(500_000_000 // len(part)):
            connection.sendall(part)

    return talk


@contextmanager
def receiving(talk: Talk, tls: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    """Reads each request to its end and lets `talk` answer it."""
    listener = socket.create_server(("127.0.0.1", 0))
    receiver = Receiver(listener.getsockname()[1])
    open_ones: set[socket.socket] = set()

    def serve(plain: socket.socket) -> None:
        with suppress(OSError), plain:
            connection = tls.wrap_socket(plain, server_side=True) if tls else plain
            open_ones.add(connection)
            while request := _read_request(connection):
                receiver.requests.append(request)
                if not talk(connection, receiver):
                    connection.shutdown(socket.SHUT_WR)
                    return

    def accept() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                receiver.connections += 1
                open_ones.add(connection)
                threading.Thread(target=serve, args=(connection,), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        receiver.is_closing.set()
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()
        for connection in open_ones:
            with suppress(OSError):
                connection.close()


def _read_request(connection: socket.socket) -> bytes:
    received = b""
    while b"\r\n\r\n" not in received:
        part = connection.recv(65_536)
        if not part:
            return b""
        received += part
    head = received.partition(b"\r\n\r\n")[0].lower()
    length = int(head.partition(b"content-length: ")[2].split(b"\r\n")[0])
    while len(received) < len(head) + 4 + length:
        part = connection.recv(65_536)
        if not part:
            return b""
        received += part
    return received


@dataclass
class Internet:
    """Names lead where the test says, in turn; every connection is noted and goes to one receiver, or nowhere."""

    answers: list[Sequence[str]] = field(default_factory=lambda: [[PUBLIC]])
    port: int | None = None
    away: frozenset[str] = frozenset()
    asked: list[tuple[str, int]] = field(default_factory=list)
    connected: list[tuple[str, int]] = field(default_factory=list)

    def resolve(self, host: str, port: int) -> Sequence[str]:
        self.asked.append((host, port))
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    def connect(self, address: str, port: int, seconds: float) -> socket.socket:
        self.connected.append((address, port))
        if self.port is None or address in self.away:
            raise ConnectionRefusedError
        return socket.create_connection(("127.0.0.1", self.port), seconds)

    @contextmanager
    def sender(self, **options: object) -> Iterator[HttpWebhookSender]:
        with sending(resolve=self.resolve, connect=self.connect, **options) as sender:
            yield sender


@contextmanager
def sending(**options: object) -> Iterator[HttpWebhookSender]:
    """A sender in development mode; `options` are arguments that differ."""
    chosen: dict[str, object] = {
        "clock": FakeClock(),
        "timeout_seconds": LONG_SECONDS,
        "answer_max_bytes": ANSWER_MAX_BYTES,
        "is_development": True,
        "tls": TLS,
    }
    sender = HttpWebhookSender(**(chosen | options))  # type: ignore[arg-type]
    try:
        yield sender
    finally:
        sender.close()


def post(sender: HttpWebhookSender, url: str, body: bytes = b"{}") -> WebhookOutcome:
    return sender.send(WebhookRequest(url, {"Content-Type": "application/json", "webhook-id": "event"}, body))


@dataclass(frozen=True)
class Certificate:
    """Self-made, for these names alone."""

    path: Path
    key_path: Path

    def server(self, receiver_names: list[str | None] | None = None) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.path, self.key_path)
        if receiver_names is not None:
            context.sni_callback = lambda _socket, name, _context: receiver_names.append(name)
        return context

    def client(self) -> ssl.SSLContext:
        """Trusts it, and otherwise is what a sender makes for itself."""
        return ssl.create_default_context(cafile=str(self.path))


def make_certificate(folder: Path, *names: str) -> Certificate:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(one) for one in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path, key_path = folder / f"{names[0]}.pem", folder / f"{names[0]}-key.pem"
    path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return Certificate(path, key_path)
