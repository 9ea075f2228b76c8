from apps.generations.params import DEFAULTS, clean_params, defaults_of


def test_a_models_own_recommendation_comes_before_ours():
    chosen = clean_params({"top_k": 3}, defaults_of({"temperature": 0.2, "top_p": 0.9}))
    assert (chosen["temperature"], chosen["top_p"], chosen["top_k"]) == (0.2, 0.9, 3)


def test_what_a_person_sets_comes_before_the_recommendation():
    assert clean_params({"temperature": 1}, defaults_of({"temperature": 0.2}))["temperature"] == 1


def test_a_recommendation_out_of_bounds_or_unknown_is_left_out():
    assert defaults_of({"temperature": 99, "top_k": "many", "num_beams": 4}) == dict(DEFAULTS) | {"stop": []}
