"""Which addresses a request may go to: a corpus, and what must hold of all of them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis.strategies import ip_addresses

from weft.drivers.addresses import AddressRefused, NotResolved, checked, system_resolver, why_special

PUBLIC = [
    "1.1.1.1", "8.8.8.8", "93.184.215.14", "100.63.255.255", "100.128.0.0", "172.15.255.255", "172.32.0.0",
    "192.167.255.255", "192.169.0.0", "169.253.255.255", "169.255.0.0", "198.17.255.255", "198.20.0.0",
    "223.255.255.255", "126.255.255.255", "128.0.0.1", "9.255.255.255", "11.0.0.0", "1.0.0.0",
    "2606:4700:4700::1111", "2a00:1450:4001:82a::200e", "2001:200::1", "2001:4860:4860::8888", "2003::1",
    "3ffe:ffff::1", "2001:db7:ffff::1", "2001:db9::1",
]  # fmt: skip
SPECIAL = [
    # this machine, networks of one's own, what a cloud tells its machines
    "0.0.0.0", "0.1.2.3", "127.0.0.1", "127.255.255.254", "10.0.0.1", "10.255.255.255", "172.16.0.1", "172.31.255.255",
    "192.168.0.1", "192.168.255.255", "100.64.0.1", "100.127.255.255", "100.100.100.200", "169.254.0.1",
    "169.254.169.254", "169.254.170.2",
    # protocols, documentation, benchmarks, relays
    "192.0.0.1", "192.0.0.9", "192.0.0.170", "192.0.2.1", "198.51.100.7", "203.0.113.9", "198.18.0.1", "198.19.255.255",
    "192.88.99.1", "192.31.196.1", "192.52.193.1", "192.175.48.1",
    # multicast, reserved, everybody
    "224.0.0.1", "224.0.0.251", "232.1.1.1", "239.255.255.250", "240.0.0.1", "255.255.255.255",
    # the same by their longer form, and others in disguise
    "::", "::1", "::2", "::127.0.0.1", "::8.8.8.8", "::ffff:127.0.0.1", "::ffff:7f00:1", "::ffff:10.0.0.1",
    "::ffff:169.254.169.254", "::ffff:8.8.8.8", "::ffff:0:127.0.0.1", "64:ff9b::127.0.0.1", "64:ff9b::a9fe:a9fe",
    "64:ff9b::8.8.8.8", "64:ff9b:1::1", "2002:7f00:1::", "2002:a00:1::1", "2002:808:808::1", "2001::1",
    "2001:0:7f00:1::", "2001:10::1", "2001:20::1", "2001:1::1", "2001:4:112::1", "2001:1ff:ffff::1",
    # link-local, site-local, private, multicast, documentation, what nobody was given
    "fe80::1", "febf::1", "fec0::1", "feff::1", "fc00::1", "fd00::1", "fd00:ec2::254", "fdff::1", "ff02::1", "ff0e::1",
    "2001:db8::1", "3fff::1", "3fff:fff:ffff::1", "100::1", "100:0:0:1::1", "5f00::1", "4000::1", "8000::1", "e000::1",
    "1fff:ffff::1",
]  # fmt: skip
ODD = [
    "2130706433", "0x7f000001", "0x7f.0.0.1", "0177.0.0.1", "127.1", "127.0.1", "127.0.0.1.", "127.0.0.01",
    "017700000001",
    "134744072", "8.8.2056", "256.1.1.1", "1.1.1.1.1", "0x", "1.2.3.0x4", "999999999999", "1..1", "::ffff:127.0.0.1:80",
    "[::1]", "::1]", "1::2::3", ":", "127.0.0.1%25", "fe80::1%eth0", "2606:4700::1%eth0", "1e0.1", "example.0",
    "%31%32%37.0.0.1", "１２７.0.0.1", "127。0。0。1", "①②⑦.0.0.1", "localhost%00.example",
    "a b", "a\nb", "a\x00b", "", "a/b",
    "user@host", "a\\b", "a?b", "a#b",
]  # fmt: skip


async def never(host: str, port: int) -> Sequence[str]:
    raise AssertionError(f"{host} was looked up")


def check(host: str, *addresses: str, may_be_loopback: bool = False) -> list[str]:
    async def resolve(name: str, port: int) -> Sequence[str]:
        return addresses

    found = checked(host, 80, resolve=resolve if addresses else never, may_be_loopback=may_be_loopback)
    return [str(address) for address in asyncio.run(found)]


@pytest.mark.parametrize("text", PUBLIC)
def test_a_public_address_passes_as_itself_and_as_what_a_name_leads_to(text: str) -> None:
    assert check(text) == [text]
    assert check("shop.example", text) == [text]


@pytest.mark.parametrize("text", SPECIAL)
def test_a_special_address_is_refused_as_itself_and_as_what_a_name_leads_to(text: str) -> None:
    shown = str(ip_address(text))

    for host in (text, "shop.example"):
        with pytest.raises(AddressRefused) as refused:
            check(host, text)
        assert refused.value.host == host
        assert refused.value.why.startswith(f"{shown} is ")


@pytest.mark.parametrize("text", ODD)
def test_an_address_written_oddly_is_refused_and_not_looked_up(text: str) -> None:
    with pytest.raises(AddressRefused):
        check(text)


@pytest.mark.parametrize("text", ODD)
def test_nor_does_the_list_let_it_through(text: str) -> None:
    with pytest.raises(AddressRefused):
        check(text, may_be_loopback=True)


def test_one_special_address_among_many_refuses_them_all() -> None:
    with pytest.raises(AddressRefused, match=r"shop\.example .*: 127\.0\.0\.1 is loopback"):
        check("shop.example", "8.8.8.8", "2606:4700:4700::1111", "127.0.0.1")


def test_addresses_keep_their_order_and_are_not_repeated() -> None:
    assert check("shop.example", "8.8.8.8", "1.1.1.1", "8.8.8.8") == ["8.8.8.8", "1.1.1.1"]


@pytest.mark.parametrize("text", ["127.0.0.1", "127.9.9.9", "::1"])
def test_a_listed_host_may_be_this_machine(text: str) -> None:
    assert check(text, may_be_loopback=True) == [text]
    assert check("localhost", text, may_be_loopback=True) == [text]


@pytest.mark.parametrize("text", [each for each in SPECIAL if not each.startswith("127.") and each != "::1"])
def test_a_listed_host_may_be_nothing_else_that_is_special(text: str) -> None:
    with pytest.raises(AddressRefused):
        check("localhost", "127.0.0.1", text, may_be_loopback=True)


@pytest.mark.parametrize("addresses", [("nonsense",), ("8.8.8.8", "127.1")])
def test_what_is_no_address_is_no_answer_to_a_look_up(addresses: tuple[str, ...]) -> None:
    with pytest.raises(NotResolved, match=r"shop\.example has no address"):
        check("shop.example", *addresses)


def test_a_name_without_an_address_is_said_to_have_none() -> None:
    async def nothing(host: str, port: int) -> Sequence[str]:
        return ()

    with pytest.raises(NotResolved, match="the list of its addresses is empty"):
        asyncio.run(checked("shop.example", 80, resolve=nothing, may_be_loopback=False))


def test_the_system_knows_this_machine() -> None:
    found = asyncio.run(system_resolver("localhost", 80))

    assert {"127.0.0.1", "::1"} & set(found)
    assert all(ip_address(text).is_loopback for text in found)


@given(ip_addresses())
def test_whatever_passes_python_too_calls_global(address: IPv4Address | IPv6Address) -> None:
    if why_special(address) is None:
        assert address.is_global
        assert not address.is_multicast
        assert not address.is_reserved


@given(ip_addresses(v=6))
def test_whatever_passes_hides_no_other_address(address: IPv6Address) -> None:
    if why_special(address) is None:
        assert (address.ipv4_mapped, address.sixtofour, address.teredo) == (None, None, None)
        assert not address.is_site_local
