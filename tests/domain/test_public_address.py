from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.public_address import is_loopback, is_public

PUBLIC = (
    "8.8.8.8",
    "1.1.1.1",
    "9.255.255.255",
    "11.0.0.0",
    "100.63.255.255",
    "100.128.0.0",
    "128.0.0.1",
    "168.63.129.15",
    "169.253.255.255",
    "172.15.255.255",
    "172.32.0.0",
    "192.0.1.0",
    "192.167.255.255",
    "192.169.0.0",
    "198.17.255.255",
    "198.20.0.0",
    "223.255.255.255",
    "2001:4860:4860::8888",
    "2600::1",
    "2a00:1450:4001:810::200e",
    "3ffd:ffff::1",
    "::ffff:8.8.8.8",
    "64:ff9b::808:808",
)

SPECIAL = (
    "0.0.0.0",  # noqa: S104
    "0.1.2.3",
    "10.0.0.1",
    "10.255.255.255",
    "100.64.0.0",
    "100.100.100.200",
    "100.127.255.255",
    "127.0.0.1",
    "127.255.255.255",
    "168.63.129.16",
    "169.254.169.254",
    "172.16.0.0",
    "172.31.255.255",
    "192.0.0.1",
    "192.0.0.8",
    "192.0.0.9",
    "192.0.0.170",
    "192.0.0.192",
    "192.0.2.1",
    "192.31.196.1",
    "192.52.193.1",
    "192.88.99.1",
    "192.168.0.1",
    "192.175.48.1",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::7f00:1",
    "::8.8.8.8",
    "::ffff:0.0.0.0",
    "::ffff:10.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:224.0.0.1",
    "::ffff:0:8.8.8.8",
    "::ffff:0:127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b::e000:1",
    "64:ff9b::",
    "64:ff9b:1::808:808",
    "64:ff9b:1::a9fe:a9fe",
    "64:ff9b:1:a9fe:a9:fe00:808:808",
    "100::1",
    "2001::1",
    "2001:0:a9fe:a9fe::1",
    "2001:0:808:808:0:0:f5ff:fffe",
    "2001:0:808:808:0:0:f7f7:f7f7",
    "2001:1::1",
    "2001:1::2",
    "2001:2::1",
    "2001:10::1",
    "2001:20::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:a9fe:a9fe::",
    "2002:808:808::",
    "2620:4f:8000::1",
    "3ffe::1",
    "3fff::1",
    "4000::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "2001:4860:4860::8888%eth0",
    "::ffff:8.8.8.8%eth0",
    "fec0::1",
    "ff02::1",
    "ff0e::1",
)


WRAPPING = (IPv6Network("::ffff:0:0/96"), IPv6Network("64:ff9b::/96"))
"""Judged by what is inside."""


@pytest.mark.parametrize("text", PUBLIC)
def test_hosts_out_in_the_world_are_public(text: str) -> None:
    assert is_public(ip_address(text))


@pytest.mark.parametrize("text", SPECIAL)
def test_what_is_special_or_wraps_it_is_not(text: str) -> None:
    assert not is_public(ip_address(text))


@pytest.mark.parametrize("text", ["192.0.0.9", "224.0.0.1", "fec0::1", "::7f00:1", "64:ff9b::a9fe:a9fe"])
def test_where_python_calls_global_what_is_not_the_list_knows(text: str) -> None:
    assert ip_address(text).is_global
    assert not is_public(ip_address(text))


@given(st.ip_addresses())
def test_nothing_that_python_calls_special_is_public(address: IPv4Address | IPv6Address) -> None:
    is_special = (
        address.is_private
        or address.is_multicast
        or address.is_reserved
        or address.is_loopback
        or address.is_link_local
        or address.is_unspecified
    )
    if is_special and not any(address in network for network in WRAPPING):
        assert not is_public(address)


@given(st.ip_addresses(v=4))
def test_a_wrapped_address_is_public_only_where_the_inner_one_is(inner: IPv4Address | IPv6Address) -> None:
    for prefix in (0xFFFF << 32, 0x64FF9B << 96):
        assert is_public(IPv6Address(prefix | int(inner))) == is_public(inner)
    for hidden in (int(inner), 0x64FF9B0001 << 80 | int(inner), 0x2002 << 112 | int(inner) << 80):
        assert not is_public(IPv6Address(hidden))


@pytest.mark.parametrize("text", ["127.0.0.1", "127.255.255.254", "::1"])
def test_loopback_is_this_machine(text: str) -> None:
    assert is_loopback(ip_address(text))


@pytest.mark.parametrize(
    "text",
    ["0.0.0.1", "::", "::ffff:127.0.0.1", "::127.0.0.1", "64:ff9b::7f00:1", "::1%lo", "128.0.0.1", "8.8.8.8"],
)
def test_and_no_address_that_only_leads_there(text: str) -> None:
    assert not is_loopback(ip_address(text))
