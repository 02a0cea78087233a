"""Who is served: by the addresses of the page, and by pages of the same address."""

import pytest
from hypothesis import given, strategies as st

from gghead.viewer.access.admission import Address, Admission, parse_allowed, parse_origin

LOCAL = Admission(Address("localhost", 8080))
PUBLIC = Admission(Address("0.0.0.0", 8080), own_names=frozenset({"bigbox", "bigbox.local"}))
PROXIED = Admission(Address("localhost", 8080), parse_allowed(["https://Hub.example/", "http://lab.example:8888"]))


@pytest.mark.parametrize(
    ("admission", "host", "origin"),
    [
        (LOCAL, "localhost:8080", None),  # the page itself, and programs that are no browser
        (LOCAL, "localhost:8080", "http://localhost:8080"),
        (LOCAL, "LOCALHOST:8080", "http://localhost:8080"),
        (LOCAL, "127.0.0.1:8080", "http://127.0.0.1:8080"),
        (LOCAL, "[::1]:8080", "http://[::1]:8080"),
        (LOCAL, "localhost:9000", "http://localhost:9000"),  # ssh -L 9000:localhost:8080
        (LOCAL, "localhost", "http://localhost"),
        (LOCAL, "localhost:80", "http://localhost"),
        (LOCAL, "localhost", "https://localhost"),
        (PUBLIC, "localhost:8080", "http://localhost:8080"),
        (PUBLIC, "192.168.1.5:8080", "http://192.168.1.5:8080"),
        (PUBLIC, "[fd00::5]:8080", "http://[fd00::5]:8080"),
        (PUBLIC, "bigbox.local:8080", "http://bigbox.local:8080"),
        (Admission(Address("gpu.lab.example", 8080)), "gpu.lab.example:8080", "http://gpu.lab.example:8080"),
        (PROXIED, "localhost:8080", "https://hub.example"),  # a proxy that names us as it knows us
        (PROXIED, "hub.example", "https://hub.example"),  # one that gives on what it was asked for
        (PROXIED, "hub.example:443", None),
        (PROXIED, "lab.example:8888", "http://lab.example:8888"),
    ],
)
def test_let_in(admission: Admission, host: str, origin: str | None) -> None:
    assert admission.objection([host], [origin] if origin else []) is None


@pytest.mark.parametrize(
    ("admission", "hosts", "origins"),
    [
        (LOCAL, ["localhost:8080"], ["http://evil.example"]),
        (LOCAL, ["localhost:8080"], ["http://localhost:8888"]),  # another server of this machine
        (LOCAL, ["localhost:8080"], ["http://127.0.0.1:8080"]),
        (LOCAL, ["localhost:8080"], ["null"]),
        (LOCAL, ["localhost:8080"], [""]),
        (LOCAL, ["localhost:8080"], ["http://localhost:8080", "http://evil.example"]),
        (LOCAL, ["localhost:8080"], ["http://localhost:8080.evil.example"]),
        (LOCAL, ["localhost:8080"], ["http://localhost:8080/path"]),
        (LOCAL, ["localhost:8080"], ["http://evil@localhost:8080"]),
        (LOCAL, ["localhost:8080"], ["file://localhost:8080"]),
        (LOCAL, ["evil.example:8080"], ["http://evil.example:8080"]),  # its name was made to point here
        (LOCAL, ["evil.example:8080"], []),
        (LOCAL, ["localhost.evil.example:8080"], []),
        (LOCAL, ["127.0.0.1.evil.example:8080"], []),
        (LOCAL, ["localhost:8080", "evil.example"], []),
        (LOCAL, [], []),
        (LOCAL, [""], []),
        (LOCAL, ["localhost:99999"], []),
        (LOCAL, ["192.168.1.5:8080"], ["http://192.168.1.5:8080"]),
        (PUBLIC, ["evil.example:8080"], ["http://evil.example:8080"]),
        (PUBLIC, ["192.168.1.5:8080"], ["http://evil.example"]),
        (PUBLIC, ["192.168.1.5:8080"], ["http://192.168.1.6:8080"]),
        (PROXIED, ["localhost:8080"], ["http://hub.example"]),
        (PROXIED, ["hub.example:8080"], []),
        (PROXIED, ["hub.example"], ["https://evil.example"]),
        (PROXIED, ["lab.example:8888"], ["http://lab.example"]),
    ],
)
def test_refused(admission: Admission, hosts: list[str], origins: list[str]) -> None:
    assert admission.objection(hosts, origins)


def test_a_refusal_names_the_remedy() -> None:
    assert "--allow-origin https://hub.example" in LOCAL.objection(["localhost:8080"], ["https://hub.example"])
    assert "--allow-origin http://box:8080" in PUBLIC.objection(["box:8080"], [])


@given(st.text(), st.text())
def test_whatever_comes_is_refused_in_printable_words(host: str, origin: str) -> None:
    for hosts, origins in (([host], [origin]), (["localhost:8080"], [origin]), ([host], [])):
        objection = LOCAL.objection(hosts, origins)
        assert objection is None or (objection.isascii() and objection.isprintable() and len(objection) < 600)


@pytest.mark.parametrize("text", ["*", "proxy.example", "https://", "ftp://proxy.example", "https://proxy.example/lab"])
def test_an_allowed_site_needs_scheme_and_name(text: str) -> None:
    with pytest.raises(ValueError, match=r"is no site; expected scheme, name"):
        parse_allowed([text])


def test_sites_are_written_as_they_are_read() -> None:
    for text in ("https://proxy.example", "http://[::1]:8080", "http://localhost:9000"):
        assert str(parse_origin(text)) == text
