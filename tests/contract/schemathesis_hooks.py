"""Loaded by Schemathesis; see schemathesis.contract.ts."""

import json
import random
import uuid

import schemathesis

RANDOM = random.Random(20261126)


@schemathesis.serializer("application/x-ndjson")
def as_lines(context, value):
    """A value a line."""
    values = value if isinstance(value, list) else [value]
    return "\n".join(json.dumps(each) for each in values).encode()


@schemathesis.hook
def before_call(context, case, kwargs):
    """Gives valid requests a key of their own, and a version that exists.

    Of headers Schemathesis makes letters and digits alone where it looks for bounds, so that no value with a hyphen or a
    quote fits; and one key for all requests would be refused from the second request on.
    """
    if case.meta is None or not case.meta.generation.mode.is_positive or not case.headers:
        return
    if "idempotency-key" in case.headers:
        case.headers["idempotency-key"] = str(uuid.UUID(int=RANDOM.getrandbits(128), version=4))
    if case.headers.get("if-match") == "0":
        case.headers["if-match"] = "*"
