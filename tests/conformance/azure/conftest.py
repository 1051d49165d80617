"""What the programs written for the Azure DICOM service see, at each of its versions."""

import pytest


@pytest.fixture(params=["/v1", "/v2"])
def root(request: pytest.FixtureRequest) -> str:
    return str(request.param)
