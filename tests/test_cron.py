"""Schedules: what is refused where they are declared, and when they fire, above all where clocks are set anew."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from weft.cron import NAMED, BadCron, Cron, CronNotInstalled, NoTimeZone
from weft.value import shape_of

BERLIN = ZoneInfo("Europe/Berlin")
MINUTE = timedelta(minutes=1)


def shown(cron: Cron, start: datetime, end: datetime) -> list[str]:
    """What the zone's clocks show when it fires, and how far they are from UTC."""
    return [f"{each.astimezone(ZoneInfo(cron.zone)):%d %H:%M %z}" for each in cron.between(start, end).times]


def utc(*parts: int) -> datetime:
    """A moment."""
    return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type,misc]


@pytest.mark.parametrize(
    ("expression", "says"),
    [
        ("61 * * * *", "'61' is no minute"),
        ("* 24 * * *", "'24' is no hour"),
        ("0 0 0 * *", "'0' is no day of month"),
        ("0 0 * 13 *", "'13' is no month"),
        ("0 0 * * FOO", "'FOO' is no day of week"),
        ("0 9-5 * * *", "'9-5' is no hour"),
        ("*/0 * * * *", "'*/0' is no minute"),
        ("L/2 * * * *", "'L/2' is no minute"),
        ("0 0 30 2 *", "there is never a day 30 of month 2"),
        ("0 0 31 4,6,9,11 *", "there is never a day 31 of month 4,6,9,11"),
        ("* * * *", "it has 4 fields, not 5"),
        ("0 * * * * *", "it has 6 fields, not 5"),
        ("", "it has 0 fields"),
        ("@dayly", "did you mean '@daily'"),
        ("@reboot", "there are '@yearly'"),
        ("1" * 5000, "at most 200 characters"),
    ],
)
def test_an_expression_that_is_wrong_is_refused_where_it_is_declared(expression: str, says: str) -> None:
    with pytest.raises(BadCron) as refused:
        Cron(expression)

    assert says in str(refused.value)


@pytest.mark.parametrize("zone", ["Europe/Belin", "../etc/passwd", "/etc/localtime", "America", "", "a\0b"])
def test_a_zone_that_is_not_there_is_refused_where_it_is_declared(zone: str) -> None:
    with pytest.raises(NoTimeZone, match="as in 'Europe/Berlin'"):
        Cron("@daily", zone)


def test_a_zone_that_was_mistyped_is_answered_with_the_nearest() -> None:
    with pytest.raises(NoTimeZone, match="did you mean 'Europe/Berlin'"):
        Cron("@daily", "Europe/Belin")


@pytest.mark.parametrize("name", NAMED)
def test_a_name_is_its_expression(name: str) -> None:
    start = utc(2026, 1, 1, 12)

    assert [*islice(Cron(name).times(start), 5)] == [*islice(Cron(NAMED[name]).times(start), 5)]


def test_a_fixed_time_that_is_skipped_fires_at_the_end_of_the_gap_once() -> None:
    cron = Cron("0,15,30 2 * * *", "Europe/Berlin")

    assert shown(cron, utc(2026, 3, 28, 12), utc(2026, 3, 29, 12)) == ["29 03:00 +0200"]


def test_a_fixed_time_that_is_there_twice_fires_the_first_time() -> None:
    cron = Cron("30 2 * * *", "Europe/Berlin")

    assert shown(cron, utc(2026, 10, 24, 12), utc(2026, 10, 25, 12)) == ["25 02:30 +0200"]


def test_a_pace_fires_at_what_clocks_really_show() -> None:
    cron = Cron("*/30 * * * *", "Europe/Berlin")

    assert shown(cron, utc(2026, 3, 29, 0, 15), utc(2026, 3, 29, 1, 30)) == [
        "29 01:30 +0100", "29 03:00 +0200", "29 03:30 +0200",
    ]  # fmt: skip
    assert shown(cron, utc(2026, 10, 25, 0, 0), utc(2026, 10, 25, 2, 0)) == [
        "25 02:30 +0200", "25 02:00 +0100", "25 02:30 +0100", "25 03:00 +0100",
    ]  # fmt: skip


def test_a_clock_that_is_set_back_by_half_an_hour_costs_no_firing() -> None:
    cron = Cron("*/10 3 * * *", "Australia/Lord_Howe")

    assert shown(cron, utc(2026, 4, 4, 12), utc(2026, 4, 4, 18)) == [
        f"05 03:{minute:02} +1030" for minute in range(0, 60, 10)
    ]


def test_a_midnight_that_is_skipped_is_where_the_day_begins() -> None:
    assert shown(Cron("@daily", "Africa/Cairo"), utc(2026, 4, 23, 12), utc(2026, 4, 24, 12)) == ["24 01:00 +0300"]


def test_a_day_that_is_skipped_is_where_the_next_begins() -> None:
    cron = Cron("0 12 * * *", "Pacific/Apia")

    assert shown(cron, utc(2011, 12, 29, 12), utc(2011, 12, 31, 12)) == [
        "29 12:00 -1000",
        "31 00:00 +1400",
        "31 12:00 +1400",
    ]


def test_the_second_showing_of_a_time_is_not_missed_by_who_asks_in_the_first() -> None:
    first_pass = utc(2026, 10, 25, 0, 50)

    assert shown(Cron("10 * * * *", "Europe/Berlin"), first_pass, first_pass + timedelta(hours=1)) == ["25 02:10 +0100"]


def test_who_asks_in_the_second_showing_is_not_given_the_first() -> None:
    second_pass = utc(2026, 10, 25, 1, 10)

    assert shown(Cron("30 2 * * *", "Europe/Berlin"), second_pass, second_pass + timedelta(days=1)) == []


def test_leap_days_come_also_over_a_century_that_has_none() -> None:
    assert [each.year for each in islice(Cron("0 0 29 2 *").times(utc(2093, 1, 1)), 3)] == [2096, 2104, 2108]


def test_the_fifth_monday_of_a_february_comes_every_few_decades() -> None:
    found = Cron("0 0 * 2 MON#5").between(utc(2020, 1, 1), utc(2150, 1, 1))

    assert [each.year for each in found.times] == [2044, 2072, 2112, 2140]


def test_whichever_day_there_is_falls_on_each_of_its_weekdays_within_forty_years() -> None:
    # The proof of what `Cron` promises of the search: the calendar repeats every 400 years.
    falls: dict[tuple[int, int, int], list[int]] = {}
    day = date(2000, 1, 1)
    while day < date(2440, 1, 1):
        falls.setdefault((day.month, day.day, day.weekday()), []).append(day.year)
        day += timedelta(days=1)

    gaps = [later - earlier for years in falls.values() for earlier, later in pairwise(years)]

    assert len(falls) == 366 * 7
    assert max(gaps) == 40


def test_the_end_of_the_calendar_is_the_end_of_the_times() -> None:
    assert Cron("@daily").after(utc(9999, 12, 31, 12)) is None
    assert list(Cron("@yearly", "Asia/Tokyo").times(utc(9998, 6, 1))) == [utc(9998, 12, 31, 15)]


def test_what_was_missed_is_bounded_and_says_so() -> None:
    start, end = utc(2026, 1, 1), utc(2026, 1, 1, 1)

    assert Cron("* * * * *").between(start, end).times[-1] == end
    assert not Cron("* * * * *").between(start, end, most=60).is_cut
    cut = Cron("* * * * *").between(start, end, most=59)
    assert cut.is_cut
    assert len(cut.times) == 59
    assert cut.times[0] == start + MINUTE
    assert Cron("* * * * *").between(end, start) == ((), False)
    with pytest.raises(ValueError, match="at least 1"):
        Cron("* * * * *").between(start, end, most=0)


def test_a_moment_without_a_zone_is_no_moment() -> None:
    with pytest.raises(ValueError, match="give it one"):
        Cron("@daily").after(datetime(2026, 1, 1))  # noqa: DTZ001


def test_a_schedule_without_its_library_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cronsim", None)

    with pytest.raises(CronNotInstalled, match=r"pip install 'weft\[schedules\]'"):
        Cron("@daily")


def test_a_schedule_is_data() -> None:
    cron, shape = Cron("30 2 * * *", "Europe/Berlin"), shape_of(Cron)

    assert shape.to_plain(cron) == {"expression": "30 2 * * *", "zone": "Europe/Berlin"}
    assert shape.decode(shape.encode(cron)) == cron


# A slow and obvious reference: every minute of a span is looked at.

Fits = Callable[[datetime], bool]
ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Cairo", "America/Santiago"]
CHANGES = [utc(2026, 3, 29), utc(2026, 10, 25), utc(2026, 3, 8), utc(2026, 11, 1), utc(2026, 4, 4), utc(2026, 10, 3)]
CHANGES += [utc(2026, 4, 23), utc(2026, 10, 29), utc(2026, 9, 6), utc(2024, 2, 28), utc(2026, 12, 31)]


def field(lowest: int, highest: int) -> st.SearchStrategy[tuple[str, frozenset[int]]]:
    """A field as text, and the numbers that it stands for."""
    one = st.integers(lowest, highest)
    every = frozenset(range(lowest, highest + 1))
    return st.one_of(
        st.just(("*", every)),
        one.map(lambda n: (str(n), frozenset({n}))),
        st.sets(one, min_size=2, max_size=3).map(lambda ns: (",".join(map(str, sorted(ns))), frozenset(ns))),
        st.tuples(one, one).map(sorted).map(lambda ns: (f"{ns[0]}-{ns[1]}", frozenset(range(ns[0], ns[1] + 1)))),
        st.integers(2, 9).map(lambda n: (f"*/{n}", frozenset(range(lowest, highest + 1, n)))),
    )


def slowly(
    expression: tuple[tuple[str, frozenset[int]], ...], zone: str, start: datetime, end: datetime
) -> list[datetime]:
    """The moments at which it should fire."""
    (minute, minutes), (hour, hours), (day, days), (_, months), (weekday, weekdays) = expression

    def fits(time: datetime) -> bool:
        is_day, is_weekday = time.day in days, time.isoweekday() % 7 in weekdays
        both = is_day and is_weekday if "*" in (day[0], weekday[0]) else is_day or is_weekday
        return time.minute in minutes and time.hour in hours and time.month in months and both

    is_fixed = minute[0] != "*" and hour[0] != "*"
    return list(_fixed(fits, zone, start, end) if is_fixed else _pace(fits, zone, start, end))


def _pace(fits: Fits, zone: str, start: datetime, end: datetime) -> Iterator[datetime]:
    moment = start
    while (moment := moment + MINUTE) <= end:
        if fits(moment.astimezone(ZoneInfo(zone))):
            yield moment


def _fixed(fits: Fits, zone: str, start: datetime, end: datetime) -> Iterator[datetime]:
    moment, before = start, start.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    while (moment := moment + MINUTE) <= end:
        here = moment.astimezone(ZoneInfo(zone))
        now = here.replace(tzinfo=None)
        skipped = (before + n * MINUTE for n in range(1, int((now - before) / MINUTE)))
        if (fits(now) and not here.fold) or any(map(fits, skipped)):
            yield moment
        before = now


@settings(max_examples=60, deadline=None)
@given(
    st.tuples(field(0, 59), field(0, 23), field(1, 31), field(1, 12), field(0, 6)),
    st.sampled_from(ZONES), st.sampled_from(CHANGES), st.integers(-12 * 60, 12 * 60),
)  # fmt: skip
@example(
    (("*/5", frozenset(range(0, 60, 5))), ("3", frozenset({3})), ("*", frozenset(range(32))),
     ("*", frozenset(range(13))), ("*", frozenset(range(7)))),
    "Australia/Lord_Howe", utc(2026, 4, 4), 0,
)  # fmt: skip
def test_it_fires_when_a_slow_look_at_every_minute_says(
    expression: tuple[tuple[str, frozenset[int]], ...], zone: str, around: datetime, shift: int
) -> None:
    start = around + shift * MINUTE
    end = start + timedelta(days=2)

    try:
        found = Cron(" ".join(text for text, _ in expression), zone).between(start, end, most=5000).times
    except BadCron:  # no such day ever comes
        found = ()

    assert list(found) == slowly(expression, zone, start, end)
