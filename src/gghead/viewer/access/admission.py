"""Which addresses the page is served at: a web page of another site must not drive the viewer.

A browser tells with each request the address that it believes to talk to (Host) and, for websockets, the site whose
page opens them (Origin). Two attacks are refused here: a page of another site that connects to the viewer (its Origin
is not the viewer's), and a site whose name is made to point at this machine (DNS rebinding: its Host is no name of the
viewer). Programs other than browsers send no Origin; they could send any, and are let in.
"""

import ipaddress
import re
import socket
from collections.abc import Sequence
from dataclasses import dataclass, field

LOCALHOST = "localhost"
DEFAULT_PORTS = {"http": 80, "https": 443}
AUTHORITY = re.compile(r"(?P<name>\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::(?P<port>\d{1,5}))?", re.ASCII)


@dataclass(frozen=True)
class Address:
    """Where the page is served."""

    host: str
    port: int

    @property
    def is_local(self) -> bool:
        """Whether only this machine is served."""
        return is_loopback(self.host)


@dataclass(frozen=True)
class Origin:
    """A site: scheme, name in lower case (IPv6 addresses without brackets), and port.

    Example:
        >>> parse_origin("https://proxy.example")
        Origin(scheme='https', name='proxy.example', port=443)
    """

    scheme: str
    name: str
    port: int

    def __str__(self) -> str:
        name = f"[{self.name}]" if ":" in self.name else self.name
        return f"{self.scheme}://{name}" + ("" if self.port == DEFAULT_PORTS[self.scheme] else f":{self.port}")


def machine_names() -> frozenset[str]:
    """Names that others on the network may know this machine by."""
    name = socket.gethostname().lower()
    short = name.partition(".")[0]
    return frozenset({name, short, f"{short}.local"})


@dataclass(frozen=True)
class Admission:
    """Decides by Host and Origin whether a request is answered.

    Attributes:
        address: where the page is served.
        allowed: further sites that the page is reached at, as through a proxy.
        own_names: names of this machine; they count where others than this machine are served.
    """

    address: Address
    allowed: frozenset[Origin] = frozenset()
    own_names: frozenset[str] = field(default_factory=machine_names)

    def objection(self, hosts: Sequence[str], origins: Sequence[str]) -> str | None:
        """What speaks against a request, with the remedy, or None.

        Args:
            hosts: values of all its Host headers.
            origins: values of all its Origin headers.
        """
        at = parse_origin(f"http://{hosts[0]}") if len(hosts) == 1 else None
        if at is None:
            return "a request without a proper Host header"
        # The port of a Host without one is that of the scheme, which only the site tells.
        if not (self._is_own(at.name) or any(parse_origin(f"{s.scheme}://{hosts[0]}") == s for s in self.allowed)):
            return f"a request for {at}, which is no address of this page; if it is, add --allow-origin {at}"
        if not origins:
            return None
        site = parse_origin(origins[0]) if len(origins) == 1 else None
        if site is None:
            return f"a page of unknown origin ({_printable(origins[0])})"
        if site in self.allowed or site == parse_origin(f"{site.scheme}://{hosts[0]}"):
            return None
        return f"a page of {site}, which is not this one; if you trust that site, add --allow-origin {site}"

    def _is_own(self, name: str) -> bool:
        if is_loopback(name):
            return True
        # A site that is named by its IP address can't be another machine's: nothing is looked up that could be faked.
        return not self.address.is_local and (name in (self.address.host.lower(), *self.own_names) or _is_ip(name))


def parse_origin(text: str) -> Origin | None:
    """The site that a text like https://proxy.example:8443 names, or None."""
    scheme, mark, rest = text.lower().partition("://")
    match = AUTHORITY.fullmatch(rest)
    if not mark or scheme not in DEFAULT_PORTS or match is None:
        return None
    port = int(match["port"] or DEFAULT_PORTS[scheme])
    return Origin(scheme, match["name"].strip("[]"), port) if 0 < port < 65536 else None


def parse_allowed(texts: Sequence[str]) -> frozenset[Origin]:
    """Sites of --allow-origin.

    Raises:
        ValueError: one is none.
    """
    sites = {text: parse_origin(text.removesuffix("/")) for text in texts}
    for text, site in sites.items():
        if site is None:
            raise ValueError(
                f"--allow-origin {_printable(text)} is no site; expected scheme, name and, unless it is the usual one, "
                "port, as the browser's address bar shows them: https://proxy.example or http://localhost:9000"
            )
    return frozenset(site for site in sites.values() if site is not None)


def is_loopback(name: str) -> bool:
    """Whether a name or address means this machine, whoever asks."""
    return name.lower() == LOCALHOST or (_is_ip(name) and ipaddress.ip_address(name).is_loopback)


def _is_ip(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _printable(text: str) -> str:
    return ascii(text[:100])
