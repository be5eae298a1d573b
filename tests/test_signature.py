import base64
import hashlib
import hmac
import traceback

import pytest

from edge.errors import UsageError
from edge.senders.signature import Signer

SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
OTHER = "whsec_" + base64.b64encode(bytes(range(64, 128))).decode()


def test_a_signature_is_the_one_of_the_specification():
    # The example of the specification's own libraries.
    signer = Signer.parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    headers = signer.headers("msg_p5jXN8AQM9LWM0D4loKWxJek", b'{"test": 2432232314}', 1614265330.9)
    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_a_signature_covers_id_time_and_body():
    signer = Signer.parse(SECRET)
    one = signer.headers("a1", b"{}", 1e9)["webhook-signature"]
    others = [("a2", b"{}", 1e9), ("a1", b"[]", 1e9), ("a1", b"{}", 1e9 + 1)]
    assert one not in [signer.headers(*other)["webhook-signature"] for other in others]


def test_while_a_secret_is_changed_both_sign():
    both = Signer.parse(f"{SECRET}\n\n{OTHER}\n").headers("a1", b"{}", 1e9)["webhook-signature"]
    expected = hmac.digest(bytes(range(64, 128)), b"a1.1000000000.{}", hashlib.sha256)
    first, second = both.split()
    assert first == Signer.parse(SECRET).headers("a1", b"{}", 1e9)["webhook-signature"]
    assert second == "v1," + base64.b64encode(expected).decode()


def test_without_a_secret_nothing_is_signed():
    assert set(Signer().headers("a1", b"{}", 1e9)) == {"webhook-id", "webhook-timestamp"}


@pytest.mark.parametrize(
    "text",
    ["", "\n", SECRET.removeprefix("whsec_"), "whsec_c2hvcnQ=", "whsec_" + "A" * 88, "whsec_ü", SECRET + "!"],
)
def test_what_is_no_secret_is_refused_and_never_told(text):
    with pytest.raises(UsageError, match="openssl rand") as caught:
        Signer.parse(text)
    told = "".join(traceback.format_exception(caught.value))
    assert not text.strip() or text.strip() not in told


def test_a_secret_is_not_in_what_is_shown_of_its_signer():
    assert "secret" not in repr(Signer.parse(SECRET))
