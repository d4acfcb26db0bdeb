"""Pair files come from people and spreadsheets: what is wrong is named by line, and all of it at once."""

from __future__ import annotations

import pytest

from app.services.labelled_pairs import IdentitySource, identities_of, person_of, read_pairs

GOOD = "path_a,path_b,same\nann/1.jpg,ann/2.jpg,1\nann/1.jpg,bob/1.jpg,0\n"


def test_pairs_are_read_with_their_lines() -> None:
    found = read_pairs(GOOD.encode())
    assert found.problems == ()
    assert [(pair.line, pair.path_b, pair.is_mated) for pair in found.pairs] == [
        (2, "ann/2.jpg", True),
        (3, "bob/1.jpg", False),
    ]
    assert found.paths == ("ann/1.jpg", "ann/2.jpg", "bob/1.jpg")


def test_a_spreadsheet_s_mark_line_ends_spaces_and_columns_are_no_problem() -> None:
    text = "same,note, path_b,path_a\r\n1,old, ann/./2.jpg,ann//1.jpg\r\n\r\n0,,bob/1.jpg,ann/1.jpg\r\n"
    found = read_pairs(b"\xef\xbb\xbf" + text.encode())
    assert found.problems == ()
    assert [(pair.path_a, pair.path_b) for pair in found.pairs] == [
        ("ann/1.jpg", "ann/2.jpg"),
        ("ann/1.jpg", "bob/1.jpg"),
    ]


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("a.jpg,b.jpg,yes", "line 2: same is 1 or 0, not 'yes'"),
        ("a.jpg,b.jpg", "line 2: same is 1 or 0, not ''"),
        ("a.jpg,,1", "line 2: a path is missing"),
        ("../a.jpg,b.jpg,1", "line 2: ../a.jpg leaves the folder"),
        ("a.jpg,x/../../b.jpg,0", "line 2: x/../../b.jpg leaves the folder"),
        ("/etc/passwd,b.jpg,1", "line 2: /etc/passwd leaves the folder"),
        ("a.jpg,./a.jpg,1", "line 2: a picture is compared with itself"),
        ('"a\x00.jpg",b.jpg,1', "line 2: a path has characters that no path has"),
    ],
)
def test_a_line_that_cannot_be_used_is_named_and_the_others_are_kept(row: str, problem: str) -> None:
    found = read_pairs(f"path_a,path_b,same\n{row}\nann/1.jpg,ann/2.jpg,1\n".encode())
    assert found.problems == (problem,)
    assert len(found.pairs) == 1


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "line 1: the header lacks the column path_a, path_b, same"),
        (b"path_a;path_b;same\na;b;1\n", "line 1: the header lacks the column path_a, path_b, same"),
        (b"path_a,path_b\na,b\n", "line 1: the header lacks the column same"),
        (b"\xff\xfe\x00", "the file is not UTF-8 text"),
        (b'path_a,path_b,same\n"' + b"x" * 200_000, "the file is no CSV: field larger than field limit (131072)"),
    ],
)
def test_what_is_no_pair_file_says_why(data: bytes, problem: str) -> None:
    found = read_pairs(data)
    assert (found.pairs, found.problems) == ((), (problem,))


def test_a_pair_that_comes_again_counts_once_and_must_not_change_its_label() -> None:
    again = read_pairs((GOOD + "ann/2.jpg,ann/1.jpg,1\n").encode())
    assert (len(again.pairs), again.repeated, again.problems) == (2, 1, ())
    changed = read_pairs((GOOD + "ann/2.jpg,ann/1.jpg,0\n").encode())
    assert changed.problems == ("line 4: ann/2.jpg and ann/1.jpg are two people, line 2 says otherwise",)


def test_folders_are_people_where_the_labels_bear_it_out() -> None:
    found = identities_of(read_pairs(GOOD.encode()).pairs)
    assert found.source is IdentitySource.FOLDERS
    assert found.names == {"ann/1.jpg": "ann", "ann/2.jpg": "ann", "bob/1.jpg": "bob"}


@pytest.mark.parametrize("odd", ["bob/1.jpg,bob/2.jpg,0", "ann/3.jpg,bob/3.jpg,1"])
def test_one_pair_that_says_otherwise_and_people_follow_from_the_labels(odd: str) -> None:
    found = identities_of(read_pairs(f"{GOOD}{odd}\n".encode()).pairs)
    assert found.source is IdentitySource.LABELS
    assert found.reason is not None
    assert found.reason.startswith("line 4: ")
    assert found.names["ann/1.jpg"] == found.names["ann/2.jpg"] != found.names["bob/1.jpg"]


def test_labels_that_contradict_each_other_leave_people_unknown() -> None:
    rows = ["1.jpg,2.jpg,1", "2.jpg,3.jpg,1", "1.jpg,3.jpg,0"]
    found = identities_of(read_pairs("\n".join(["path_a,path_b,same", *rows]).encode()).pairs)
    assert (found.source, found.names) == (IdentitySource.UNKNOWN, {})


def test_below_a_folder_of_people_the_first_folder_is_the_person() -> None:
    assert person_of("people/ann/monday/1.jpg", "people") == "ann"
    assert person_of("people/ann/1.jpg", "people/") == "ann"
    assert person_of("people/ann/monday/1.jpg") == "monday"
    assert person_of("other/bob/1.jpg", "people") == "bob"
    assert person_of("1.jpg") == ""
