"""What an address asks for, and which images a filter leaves."""

from __future__ import annotations

import pytest

from hilum.browse.desk import MOST_CASES
from hilum.errors import UsageError
from tests.unit.browse.material import N_STUDIES, Kept


def test_an_address_without_words_has_an_image_and_a_region_of_its_report(kept: Kept) -> None:
    desk = kept.desk()
    choice = desk.read_choice({})
    assert choice.image == desk.list_images("").rows["dicom_id"].iloc[0]
    assert (choice.alpha, choice.k) == (0.5, 6)
    drawn = kept.truth[choice.image]
    assert drawn is not None and choice.region == drawn[0]
    nothing = next(image for image, drawn in kept.truth.items() if drawn is None)
    assert desk.read_choice({"image": nothing}).region == "right lower lung zone"


def test_an_address_asks_again_what_it_asked(kept: Kept) -> None:
    from urllib.parse import parse_qsl, urlsplit

    desk = kept.desk()
    choice = desk.read_choice({"region": "left lung", "alpha": "0.25", "k": "3", "find": "s5"})
    assert desk.read_choice(dict(parse_qsl(urlsplit(choice.address()).query))) == choice
    assert desk.read_choice(dict(parse_qsl(urlsplit(choice.address(region="spine")).query))).region == "spine"


@pytest.mark.parametrize(
    "words",
    [{"image": "none"}, {"region": "heart"}, {"alpha": "2"}, {"alpha": "nan"}, {"alpha": "x"}, {"k": "0"}, {"k": "1.5"},
     {"k": str(MOST_CASES + 1)}],
)  # fmt: skip
def test_a_wrong_address_is_refused_without_an_echo(kept: Kept, words: dict[str, str]) -> None:
    with pytest.raises(UsageError) as refused:
        kept.desk().read_choice(words)
    assert "<" not in str(refused.value)


def test_the_filter_knows_studies_patients_and_images(kept: Kept) -> None:
    desk = kept.desk()
    assert desk.list_images("").n_found == N_STUDIES
    assert desk.list_images(" s50000003 ").rows["study_id"].tolist() == [50000003]
    assert desk.list_images("p10000003").rows["study_id"].tolist() == [50000006, 50000007]
    assert desk.list_images("10000003").n_found == 2 and desk.list_images("s1").n_found == 0
    assert desk.list_images("0000000a-").rows["study_id"].tolist() == [50000010]
    assert desk.list_images("(").n_found == 0


def test_cases_are_of_other_patients(kept: Kept) -> None:
    desk = kept.desk()
    found = desk.find_cases(desk.read_choice({"k": "20", "alpha": "1"}))
    assert len(found.cases) == 20 and found.query is not None
    assert found.query.film.subject_id not in {case.film.subject_id for case in found.cases}
