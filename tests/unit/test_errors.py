"""The family of errors: exit codes as the house has them."""

from __future__ import annotations

from hilum import errors


def test_exit_codes_are_the_documented_ones() -> None:
    codes = {c.__name__: c.exit_code for c in vars(errors).values() if isinstance(c, type)}
    assert codes == {
        "HilumError": 3,
        "UsageError": 2,
        "BadDataError": 3,
        "SchemaError": 3,
        "ImageError": 3,
        "GroundingError": 3,
        "GateError": 4,
        "VerificationError": 5,
    }
    assert all(name in (errors.__doc__ or "") for name in codes)


def test_an_image_error_carries_its_reason() -> None:
    assert errors.ImageError("truncated_image", "ends early").reason == "truncated_image"
