"""Texts cut into words, in whatever script they are written."""

from __future__ import annotations

import pytest

from coachhub_core.matching import CoachMatcher, CoachTable, OutcomeLog, Texts, TraineeTable
from coachhub_scipy.text import terms

SAID = [
    "He teaches long runs, and the first marathon",
    "他教初学者长跑和马拉松训练",
    "瑜伽和冥想课程，适合上班族",
    "初心者向けのマラソン指導",
    "柔道と筋力トレーニング",
    "สอนวิ่งมาราธอนสำหรับผู้เริ่มต้น",
    "โยคะและสมาธิ",
    "초보자를 위한 마라톤 훈련",
    "요가와 명상 수업",
]


@pytest.mark.parametrize(
    ("asked", "row"),
    [
        ("marathon", 0),
        ("马拉松", 1),
        ("想学瑜伽", 2),
        ("マラソンを走りたい", 3),
        ("柔道", 4),
        ("วิ่งมาราธอน", 5),
        ("โยคะ", 6),
        ("마라톤을 하고 싶어요", 7),
        ("요가", 8),
    ],
)
def test_a_script_without_spaces_is_read(asked: str, row: int) -> None:
    """Chinese, Japanese, Thai and Korean requests find who wrote of it, inside what has no space at all."""
    coaches = CoachTable.build(ids=range(len(SAID)), about=Texts([[text] for text in SAID]))
    trainees = TraineeTable.build(ids=["who"], request=Texts([[asked]]))
    ranking = CoachMatcher.fit(OutcomeLog.build(), coaches, trainees).rank(trainees, 2)
    assert ranking.rows[0, 0] == row
    assert ranking.scores[0, 0] > ranking.scores[0, 1]


def test_what_stands_beside_such_a_script_stays_whole() -> None:
    """Words in letters are words; a mark stays with its letter, and one character alone is one."""
    assert terms("Runs ABC跑步") == ["run", "abc", "跑步", "run abc", "abc 跑步"]
    assert terms("วิ่ง") == ["วิ่ง"]
    assert terms("山") == ["山"]
    assert terms("Größe") == terms("große") == ["gross"]
