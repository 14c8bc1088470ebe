"""What failed is named again at the end of a run, in few lines."""

from __future__ import annotations

from scripts.parts import LAST_LINES, Outcome, Part

PART = Part("some", ("true",))
HUNG = """
....
Timeout (0:05:00)!
Thread 0x00007f (most recent call first):
  File "/python/threading.py", line 327 in wait
  File "/weft/tests/surface/test_closing.py", line 81 in test_waits
  File "/python/site-packages/_pytest/python.py", line 166 in pytest_pyfunc_call
"""


def test_failed_tests_are_named_by_the_lines_of_the_summary() -> None:
    output = "FAILED tests/test_a.py::test_one - assert 1\nnoise\nERROR tests/test_b.py\n1 failed, 1 error\n"

    assert Outcome(PART, 1, output, 1.0).failures == output.splitlines()[0:3:2]


def test_a_test_that_hung_is_named_by_its_line_in_the_stacks() -> None:
    assert Outcome(PART, 1, HUNG, 1.0).failures == [
        "Timeout (0:05:00)!",
        '  File "/weft/tests/surface/test_closing.py", line 81 in test_waits',
    ]


def test_where_nothing_is_named_the_last_lines_are_told_and_of_what_passed_nothing() -> None:
    output = "\n".join(f"line {number}" for number in range(20))

    assert Outcome(PART, 1, output, 1.0).failures == [f"line {number}" for number in range(20 - LAST_LINES, 20)]
    assert Outcome(PART, 0, output, 1.0).failures == []
