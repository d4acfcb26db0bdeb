"""Whatever an address or a resolver says: no connection is opened but to a judged one."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress

import pytest

from app.adapters.host_lookup import LOOKUPS_MAX, HostLookup, LookupFailed
from tests.adapters.receivers import (
    PUBLIC,
    SHORT_SECONDS,
    URL,
    Certificate,
    Internet,
    answer,
    make_certificate,
    post,
    receiving,
    sending,
)
from tests.domain.test_public_address import SPECIAL
from tests.hostile_urls import HOSTILE

OTHER_PUBLIC = "2001:4860:4860::8888"
LOOPBACK_FORMS = [
    "https://127.0.0.1:{port}/",
    "https://127.1:{port}/",
    "https://127.0.1:{port}/",
    "https://127.1.2.3:{port}/",
    "https://2130706433:{port}/",
    "https://0x7f000001:{port}/",
    "https://0x7f.0.0.1:{port}/",
    "https://0X7F.1:{port}/",
    "https://017700000001:{port}/",
    "https://0177.0.0.1:{port}/",
    "https://0177.0.0.0x1:{port}/",
    "https://127.0.0.1.:{port}/",
    "https://0:{port}/",
    "https://0.0.0.0:{port}/",
    "https://[::1]:{port}/",
    "https://[0:0:0:0:0:0:0:1]:{port}/",
    "https://[::]:{port}/",
    "https://[::127.0.0.1]:{port}/",
    "https://[::ffff:127.0.0.1]:{port}/",
    "https://[::ffff:7f00:1]:{port}/",
    "https://[::ffff:0:127.0.0.1]:{port}/",
    "https://[64:ff9b::127.0.0.1]:{port}/",
    "https://[2002:7f00:1::]:{port}/",
    "https://[::1%251]:{port}/",
    "https://[::1%lo]:{port}/",
    "https://localhost:{port}/",
    "https://LOCALHOST.:{port}/",
    "https://x.localhost:{port}/",
    "https://user@127.0.0.1:{port}/",
    "https://example.com@127.0.0.1:{port}/",
    "https://127.0.0.1:{port}@example.com/",
    "https://example.com\\@127.0.0.1:{port}/",
    "https://127.0.0.1:{port}\\@example.com/",
    "https://%31%32%37.0.0.1:{port}/",
    "https://①②⑦.⓪.⓪.①:{port}/",
    "https://127。0。0。1:{port}/",
    "https://name.example:{port}/",
    "https://Name.Example.:{port}/",
    "hTTps://name.example:{port}/",
    "http://name.example:{port}/",
    "http://127.0.0.1.name.example:{port}/",
    "http://0x7f.1:{port}/",
    "http://[::ffff:127.0.0.1]:{port}/",
    "http://user@127.0.0.1:{port}/",
]


def leads_home(host: str, port: int) -> Sequence[str]:
    """As the system reads addresses, which is generous; every name is this machine."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    except OSError:
        return ["127.0.0.1"]
    return [str(address[0]) for *_, address in found]


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """A service of this machine that nobody may reach. None who connects is lost: they queue."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        yield listener


def saw_nobody(listener: socket.socket) -> bool:
    try:
        listener.accept()
    except BlockingIOError:
        return True
    return False


def test_the_lists_are_long_enough() -> None:
    assert len({*HOSTILE, *LOOPBACK_FORMS}) >= 130


@pytest.mark.parametrize("is_development", [True, False])
@pytest.mark.parametrize("form", LOOPBACK_FORMS)
def test_no_form_of_an_address_reaches_this_machine(
    form: str, is_development: bool, listener: socket.socket
) -> None:
    with sending(resolve=leads_home, is_development=is_development) as sender:
        outcome = post(sender, form.format(port=listener.getsockname()[1]))
    assert (outcome.error, outcome.status_code) == ("refused_address", None)
    assert saw_nobody(listener)


def test_plain_http_to_loopback_is_for_development_alone(listener: socket.socket) -> None:
    url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
    with sending(is_development=False) as sender:
        outcome = post(sender, url)
    assert (outcome.error, outcome.is_refused) == ("refused_address", True)
    assert saw_nobody(listener)
    with receiving(answer()) as receiver, sending() as sender:
        assert post(sender, f"http://localhost:{receiver.port}/").status_code == 200


@pytest.mark.parametrize("url", HOSTILE)
def test_hostile_addresses_are_not_even_looked_up(url: str) -> None:
    internet = Internet(answers=[["127.0.0.1"]])
    with internet.sender(is_development=False) as sender:
        outcome = post(sender, url)
    assert (outcome.error, outcome.is_refused) == ("refused_address", True)
    assert internet.asked == []
    assert internet.connected == []


@pytest.mark.parametrize("address", SPECIAL)
@pytest.mark.parametrize("is_mixed", [False, True])
def test_a_name_that_leads_to_one_bad_address_gets_no_connection(address: str, is_mixed: bool) -> None:
    internet = Internet(answers=[[PUBLIC, OTHER_PUBLIC, address, PUBLIC] if is_mixed else [address]])
    with internet.sender() as sender:
        outcome = post(sender, URL)
    assert (outcome.error, outcome.is_refused) == ("refused_address", False)
    assert internet.asked == [("hooks.example", 443)]
    assert internet.connected == []


def test_a_name_in_development_leads_to_this_machine_or_nowhere() -> None:
    internet = Internet(answers=[["127.0.0.1", PUBLIC]])
    with internet.sender() as sender:
        assert post(sender, "http://localhost:9/").error == "refused_address"
    assert internet.connected == []


@pytest.mark.parametrize("home", ["127.0.0.1", "::1", "169.254.169.254", "::ffff:127.0.0.1"])
def test_a_resolver_that_flips_gets_one_question_and_no_second_connection(home: str) -> None:
    internet = Internet(answers=[[PUBLIC], [home]] * 3)
    with internet.sender() as sender:
        words = [post(sender, URL).error for _ in range(6)]
    assert words == ["connect", "refused_address"] * 3
    assert internet.asked == [("hooks.example", 443)] * 6
    assert internet.connected == [(PUBLIC, 443)] * 3


def test_the_real_resolver_and_connection_are_asked_for_addresses_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def getaddrinfo(host: str, port: int, **_: object) -> list[tuple[object, ...]]:
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    with receiving(answer()) as receiver, sending() as sender:
        assert post(sender, f"http://localhost:{receiver.port}/").status_code == 200
        assert post(sender, URL).error == "refused_address"
    assert asked == ["localhost", "hooks.example"]


@pytest.mark.parametrize("host", ["a" * 64 + ".example", "a." * 130 + "example"])
def test_a_name_that_cannot_be_one_is_a_matter_of_looking_up(host: str) -> None:
    with sending() as sender:
        assert post(sender, f"https://{host}/").error == "dns"


def test_a_resolver_that_fails_hangs_or_lies_is_told_by_its_word() -> None:
    def no_such_name(_host: str, _port: int) -> Sequence[str]:
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    released = threading.Event()

    def hang(_host: str, _port: int) -> Sequence[str]:
        released.wait()
        return [PUBLIC]

    for resolve in (no_such_name, hang, lambda _host, _port: [], lambda _host, _port: ["no address"]):
        connected = Internet()
        with sending(resolve=resolve, connect=connected.connect, timeout_seconds=SHORT_SECONDS) as sender:
            assert post(sender, URL).error == "dns"
        assert connected.connected == []
    released.set()


def test_lookups_that_hang_are_bounded() -> None:
    released = threading.Event()

    def hang(_host: str, _port: int) -> Sequence[str]:
        released.wait()
        return [PUBLIC]

    lookup = HostLookup(hang)
    try:
        for _ in range(LOOKUPS_MAX):
            with pytest.raises(LookupFailed, match="in time"):
                lookup.addresses("slow.example", 443, 0)
        with pytest.raises(LookupFailed, match="too many"):
            lookup.addresses("slow.example", 443, 60)
    finally:
        released.set()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return make_certificate(tmp_path_factory.mktemp("tls"), "hooks.example", "other.example")


def test_tls_and_host_keep_the_name_while_the_connection_goes_to_the_address(certificate: Certificate) -> None:
    names: list[str | None] = []
    with receiving(answer(), certificate.server(names)) as receiver:
        internet = Internet(port=receiver.port)
        with internet.sender(tls=certificate.client()) as sender:
            assert post(sender, "https://Hooks.Example.:8443/in?a=1").status_code == 200
    assert names == ["hooks.example"]
    assert internet.connected == [(PUBLIC, 8443)]
    assert receiver.requests[0].startswith(b"POST /in?a=1 HTTP/1.1\r\nHost: hooks.example.:8443\r\n")


@pytest.mark.parametrize("url", ["https://wrong.example/", f"https://{PUBLIC}/", f"https://[{OTHER_PUBLIC}]/"])
def test_a_certificate_for_another_name_is_none(url: str, certificate: Certificate) -> None:
    with receiving(answer(), certificate.server()) as receiver:
        with Internet(port=receiver.port).sender(tls=certificate.client()) as sender:
            outcome = post(sender, url)
        assert (outcome.error, outcome.is_refused) == ("tls", False)
        assert receiver.requests == []


def test_a_certificate_that_nobody_vouches_for_is_none(certificate: Certificate) -> None:
    with receiving(answer(), certificate.server()) as receiver:
        with Internet(port=receiver.port).sender(tls=None) as sender:
            assert post(sender, URL).error == "tls"
        assert receiver.requests == []


def test_old_versions_of_tls_are_none() -> None:
    with sending(tls=None) as sender:
        least = sender._connector.tls.minimum_version
    assert least >= ssl.TLSVersion.TLSv1_2


def test_who_speaks_no_tls_or_nothing_at_all_is_told_by_its_word() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        internet = Internet(port=listener.getsockname()[1])
        with internet.sender(timeout_seconds=SHORT_SECONDS) as sender:
            assert post(sender, URL).error == "timeout"

        def answer_plainly() -> None:
            # The first one waits in the queue since it hung up.
            for _ in range(2):
                connection, _ = listener.accept()
                with connection, suppress(OSError):
                    connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        answering = threading.Thread(target=answer_plainly)
        answering.start()
        with internet.sender() as sender:
            assert post(sender, URL).error == "tls"
        answering.join()
