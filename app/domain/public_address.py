"""Which IP addresses are one host out in the world. The one list: for addresses as given and as resolved.

`ipaddress.is_global` is no such filter. It passes what wraps a private address and what is not unicast, and its
tables differ between releases of Python. So the special networks of IANA's registries are named here.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

IpAddress = IPv4Address | IPv6Address

_SPECIAL_4 = tuple(
    map(
        IPv4Network,
        (
            "0.0.0.0/8",  # this network, unspecified
            "10.0.0.0/8",  # private
            "100.64.0.0/10",  # shared, behind a carrier's NAT
            "127.0.0.0/8",  # loopback
            "168.63.129.16/32",  # looks public, and is the platform's own on every virtual machine of Azure
            "169.254.0.0/16",  # link-local, and where clouds keep their metadata
            "172.16.0.0/12",  # private
            "192.0.0.0/24",  # IETF protocol assignments
            "192.0.2.0/24",  # documentation
            "192.31.196.0/24",  # AS112, served locally
            "192.52.193.0/24",  # AMT relays
            "192.88.99.0/24",  # 6to4 relays
            "192.168.0.0/16",  # private
            "192.175.48.0/24",  # AS112, served locally
            "198.18.0.0/15",  # benchmarks
            "198.51.100.0/24",  # documentation
            "203.0.113.0/24",  # documentation
            "224.0.0.0/4",  # multicast
            "240.0.0.0/4",  # reserved, broadcast
        ),
    )
)

_GLOBAL_UNICAST_6 = IPv6Network("2000::/3")
"""All that IANA gives out. Outside are the unspecified, loopback, IPv4-compatible, unique-local, link-local,
site-local and multicast addresses, and the NAT64 of a network's own (64:ff9b:1::/48, RFC 8215), of which nobody
outside can say which IPv4 address is inside."""

_SPECIAL_6 = tuple(
    map(
        IPv6Network,
        (
            "2001::/23",  # IETF protocol assignments: Teredo, ORCHID, anycast of PCP and TURN
            "2001:db8::/32",  # documentation
            "2002::/16",  # 6to4
            "2620:4f:8000::/48",  # AS112, served locally
            "3ffe::/16",  # 6bone, given back
            "3fff::/20",  # documentation
        ),
    )
)
"""6to4 and Teredo are out of use, and wrap an IPv4 address that a relay of this network would be sent to."""

_NAT64 = IPv6Network("64:ff9b::/96")


def is_public(address: IpAddress) -> bool:
    """Whether it is one host out in the world. What wraps an IPv4 address is judged by that one."""
    if isinstance(address, IPv4Address):
        return address.is_global and not any(address in network for network in _SPECIAL_4)
    if address.scope_id is not None:
        return False
    inner = _wrapped(address)
    if inner is not None:
        return is_public(inner)
    is_special = any(address in network for network in _SPECIAL_6)
    return address in _GLOBAL_UNICAST_6 and address.is_global and not is_special


def is_loopback(address: IpAddress) -> bool:
    """Whether it is this very machine: 127.0.0.0/8 or ::1, and nothing that wraps one."""
    if isinstance(address, IPv6Address) and (address.ipv4_mapped is not None or address.scope_id is not None):
        return False
    return address.is_loopback


def _wrapped(address: IPv6Address) -> IPv4Address | None:
    """The IPv4 address that packets to a mapped or NAT64 address end at."""
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return IPv4Address(int(address) & 0xFFFFFFFF) if address in _NAT64 else None
