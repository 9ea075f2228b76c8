def test_world(world):
    assert world.project.members.count() == 3
