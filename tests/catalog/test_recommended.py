import json

import pytest

from apps.catalog.recommended import recommended_sampling


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (
            {"do_sample": True, "temperature": 0.6, "top_p": 0.95, "eos_token_id": 2},
            {"temperature": 0.6, "top_p": 0.95},
        ),
        ({"temperature": 0.6, "top_k": 20}, {"temperature": 0.6, "top_k": 20}),
        ({"do_sample": False, "temperature": 0.6}, {}),
        ({"temperature": "hot", "top_p": True, "min_p": None}, {}),
        (["not", "an", "object"], {}),
    ],
)
def test_what_the_makers_recommend_is_read_from_the_generation_config(tmp_path, config, expected):
    (tmp_path / "generation_config.json").write_text(json.dumps(config))
    assert recommended_sampling(tmp_path) == expected


def test_no_generation_config_recommends_nothing(tmp_path):
    assert recommended_sampling(tmp_path) == {}
