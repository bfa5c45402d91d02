import pytest

from regionkms.coordination.etcd_settings import EtcdSettings, EtcdTls, parse_endpoints
from regionkms.model.errors import ConfigurationError


def test_urls_become_endpoints_of_one_scheme() -> None:
    assert parse_endpoints("http://a:2379,http://b:2380/") == (("a:2379", "b:2380"), False)
    assert parse_endpoints(" https://[::1]:2379 ,") == (("[::1]:2379",), True)


@pytest.mark.parametrize(
    ("urls", "message"),
    [
        ("", "at least one"),
        ("http://a:1,https://b:2", "all http:// or all https://"),
        ("a:2379", "is http://host:port or https://, not a:2379"),
        ("ftp://a:1", "is http://host:port or https://"),
        ("http://a", "needs a host and a port"),
        ("http://:2379", "needs a host and a port"),
        ("http://a:port", "needs a host and a port"),
    ],
)
def test_malformed_urls_are_refused_with_the_fix(urls: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        parse_endpoints(urls)


def test_settings_without_endpoints_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="name at least one etcd endpoint"):
        EtcdSettings(endpoints=())


def test_a_private_key_is_not_shown() -> None:
    shown = repr(EtcdTls(authority=b"ca", certificate=b"cert", private_key=b"PRIVATE"))
    assert "PRIVATE" not in shown
