import pytest

from gghead.synthetic.people.procedural_heads import ProceduralHeads

RESOLUTION = 128


@pytest.fixture(scope="session")
def heads() -> ProceduralHeads:
    """Makes people for pictures of 128 x 128; loading takes longer than drawing one."""
    return ProceduralHeads(RESOLUTION)
