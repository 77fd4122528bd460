"""Files from other programs: three layouts, and a plain word for whatever is wrong with them."""

import contextlib
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prom.statistics import table


def read(text):
    return table.read_lines(text.splitlines(keepends=True))


def test_right_censored_rows():
    data = read("time,event,group\n6,1,drug\n7.5,0,placebo\n")
    assert isinstance(data, table.Followed)
    assert data.time.tolist() == [6.0, 7.5]
    assert (data.event.tolist(), data.group.tolist(), data.groups) == ([1, 0], [0, 1], ["drug", "placebo"])


def test_groups_that_are_numbers_stand_in_the_order_of_numbers():
    assert read("time,event,group\n1,1,10\n2,1,9\n").groups == ["9", "10"]
    assert read("time,event,group\n1,1,10\n2,1,9\n3,1,x\n").groups == ["10", "9", "x"]


def test_without_a_group_column_everyone_is_one_group():
    assert read("time,event\n1,1\n").groups == ["all"]


def test_a_lone_column_of_words_is_the_group():
    assert read("time,event,treatment\n1,1,a\n2,1,b\n").groups == ["a", "b"]
    assert list(read("time,event,age\n1,1,50\n2,1,60\n").covariates) == ["age"]


def test_words_become_a_column_a_level_and_gaps_stay_gaps():
    data = read("time,event,group,sex,age\n1,1,a,f,50\n2,1,a,m,\n3,1,b,,70\n4,1,b,x,NA\n")
    assert list(data.covariates) == ["sex=m", "sex=x", "age"]
    assert np.array_equal(data.covariates["sex=m"], [0, 1, math.nan, 0], equal_nan=True)
    assert np.array_equal(data.covariates["age"], [50, math.nan, 70, math.nan], equal_nan=True)


def test_intervals_take_an_empty_right_end_as_never():
    data = read("left,right,treatment\n0,7,Rad\n46,,Rad\n5,inf,Chem\n3,3,Chem\n")
    assert isinstance(data, table.Intervals)
    assert data.right.tolist() == [7.0, math.inf, math.inf, 3.0]
    assert data.groups == ["Chem", "Rad"]


def test_doubly_censored_counts_become_weighted_intervals():
    data = read("time,status,n\n1,1,12\n1,0,3\n1,2,2\n")
    assert isinstance(data, table.Counts)
    assert data.left.tolist() == [1.0, 1.0, -math.inf]
    assert data.right.tolist() == [1.0, math.inf, 1.0]
    assert data.weight.tolist() == [12.0, 3.0, 2.0]
    assert read("time,status\n1,1\n").weight.tolist() == [1.0]


def test_spaces_and_a_byte_order_mark_round_the_header_do_not_matter():
    assert read("\ufefftime, event ,group\n 1 , 1 , a \n").groups == ["a"]


def test_rows_already_split_are_read_alike():
    rows = [{"time": "6", "event": "1", "group": "a"}, {"time": "x", "event": "1", "group": "a"}]
    assert table.read(rows[:1], ["time", "event", "group"]).time.tolist() == [6.0]
    with pytest.raises(ValueError, match="line 3, column time"):
        table.read(rows, ["time", "event", "group"])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "the file is empty"),
        ("time,event,group\n", "no rows"),
        ("when,event,group\n1,1,a\n", "found: when, event, group"),
        ("time;event;group\n1;1;a\n", "the columns must be"),
        ("time,time,event\n1,1,1\n", "column time is there twice"),
        ("time,event,group\n1,1\n", "line 2: it does not have the 3 cells"),
        ("time,event,group\n1,1,a\n1,1,a,b\n", "line 3: it does not have the 3 cells"),
        ("time,event,group\n1,1,a\n\nx,1,a\n", "line 4, column time: the value is 'x', not a number"),
        ("time,event,group\n,1,a\n", "line 2, column time: the value is empty"),
        ("time,event,group\n-1,1,a\n", "line 2, column time: the value is -1, below 0"),
        ("time,event,group\nnan,1,a\n", "line 2, column time"),
        ("time,event,group\n1e999,1,a\n", "line 2, column time"),
        ("time,event,group\n1_0,1,a\n", "line 2, column time"),
        ("time,event,group\n1,2,a\n", "line 2, column event: the value is '2', neither 0 nor 1"),
        ("time,event,group\n1,,a\n", "line 2, column event"),
        ("time,event,group\n1,1,\n", "line 2, column group: the value is empty"),
        ("time,event,group,age\n1,1,a,50\n2,1,b,old\n", "line 3, column age: the value is 'old', not a number"),
        ("time,event,group,age\n1,1,a,\n", "column age: 0 different texts"),
        ("left,right,group\n5,4,a\n", "line 2, column right: the value is 4, before the left end 5"),
        ("left,right,group\n5,x,a\n", "line 2, column right: the value is 'x', not a number"),
        ("left,right,group\n,4,a\n", "line 2, column left: the value is empty"),
        ("left,right,group,age\n1,4,a,50\n", "unknown column age"),
        ("time,status,n\n1,3,5\n", "line 2, column status"),
        ("time,status,n\n1,1,0.5\n", "line 2, column n"),
        ("time,status,n,group\n1,1,5,a\n", "unknown column group"),
        ('time,event,group\n1,1,"a\n', "line 2"),
    ],
)
def test_what_is_wrong_is_named_by_line_and_column(text, said):
    with pytest.raises(ValueError) as error:
        read(text)
    assert said in str(error.value)


def test_a_column_of_names_is_no_covariate():
    rows = "".join(f"{day},1,a,patient {day}\n" for day in range(1, 30))
    with pytest.raises(ValueError, match="column name: 29 different texts"):
        read("time,event,group,name\n" + rows)


@settings(deadline=None)
@given(st.text(max_size=80))
def test_no_text_gives_more_than_a_plain_error(text):
    for header in ("time,event,group\n", "left,right,group\n", "time,status,n\n", ""):
        with contextlib.suppress(ValueError):
            read(header + text)
