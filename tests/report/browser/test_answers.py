"""The page of an answer as a reader has it: searched, sorted, filtered, on a phone, in the dark, with hostile names."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from bdrp.report.answers import Answer, ask_model, render_page

SHOWN = (
    """[...document.querySelectorAll(".browse tbody tr")].map((row) => row.cells[0].querySelector("bdi").textContent)"""
)
FITS = "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
HOSTILE = (
    "<script>document.title='taken'</script>",
    "x" * 10_000,
    "تجربة\u202egnp.exe",
    "=HYPERLINK(1)",
    "'\"><img src=x>",
)


@pytest.fixture(scope="module")
def answer(trained, tiny_screen) -> Answer:
    return ask_model(trained[0], tiny_screen, line=str(tiny_screen.cell_lines["name"].iloc[0]))


@pytest.fixture
def opened(browser, answer, tmp_path):
    (tmp_path / "answer.html").write_text(render_page(answer))
    browser.open(tmp_path / "answer.html")
    return browser


def test_it_opens_from_the_disk_and_asks_for_nothing(opened, answer, tmp_path):
    assert opened.troubles() == []
    assert opened.asked_for() == [(tmp_path / "answer.html").as_uri()]
    assert opened.run(SHOWN) == list(answer.pairs["drug_name"])
    assert opened.run("document.querySelector('output').textContent") == "12 of 12 drugs"


def test_a_search_takes_names_in_any_case_and_without_punctuation(opened, answer):
    name = answer.pairs["drug_name"].iloc[5]
    for words in (name.upper(), name.replace("-", "")):
        opened.run(
            f"find = document.querySelector('.browse input'); find.value = '{words}'; find.dispatchEvent(new "
            f"Event('input'))"
        )
        assert name in opened.run(SHOWN)
    opened.run("find.focus(); find.select()")
    opened.type("no such drug")
    assert opened.run(SHOWN) == [] and not opened.run("document.querySelector('.nothing').hidden")


def test_a_group_is_shown_alone_and_its_button_says_so(opened, answer):
    opened.run("document.querySelector('[data-show=unknown]').click()")
    assert opened.run(SHOWN) == list(answer.pairs["drug_name"][answer.pairs["group"] == "unknown: measure it"])
    assert opened.run("document.querySelector('[aria-pressed=true]').dataset.show") == "unknown"


def test_a_heading_sorts_up_down_and_back_and_what_is_not_known_comes_last(opened, answer):
    names = answer.pairs.assign(measured=answer.pairs["measured"].astype(float))
    rising = names.sort_values("measured", kind="stable", na_position="last")["drug_name"].tolist()
    falling = names.sort_values("measured", ascending=False, kind="stable", na_position="last")["drug_name"].tolist()
    click = "[...document.querySelectorAll('thead button')].find((one) => one.textContent === 'Measured').click()"
    for expected, order in ((rising, "ascending"), (falling, "descending"), (names["drug_name"].tolist(), None)):
        opened.run(click)
        assert opened.run(SHOWN) == expected
        assert opened.run("document.querySelector('[aria-sort]')?.getAttribute('aria-sort') ?? null") == order


@pytest.mark.parametrize(("width", "dark"), [(1200, False), (1200, True), (900, False), (400, False), (400, True)])
def test_nothing_is_wider_than_the_screen_and_text_can_be_read(browser, opened, answer, tmp_path, width, dark):
    browser.open(tmp_path / "answer.html", width, dark=dark, phone=width == 400)
    assert browser.run(FITS), browser.run("document.documentElement.scrollWidth")
    assert browser.run(CONTRAST) >= 4.5
    assert browser.troubles() == []


CONTRAST = """(() => {
  const bend = (x) => x <= 0.03928 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4;
  const light = (text) => {
    const [r, g, b] = text.match(/[\\d.]+/g).map((x) => bend(x / 255));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (one) => {
    for (; one; one = one.parentElement) {
      const fill = getComputedStyle(one).backgroundColor;
      if (!/, 0\\)$|transparent/.test(fill)) return fill;
    }
    return "rgb(255, 255, 255)";
  };
  let least = 99;
  for (const one of document.querySelectorAll("body *")) {
    if (!one.offsetParent || ![...one.childNodes].some((node) => node.nodeType === 3 && node.data.trim())) continue;
    const [a, b] = [light(getComputedStyle(one).color), light(behind(one))].sort((x, y) => y - x);
    least = Math.min(least, (a + 0.05) / (b + 0.05));
  }
  return least;
})()"""
"""The least contrast of any text with what lies behind it (WCAG 2.2, relative luminance); 4.5 is asked for."""


def test_print_leaves_the_controls_out(browser, opened):
    browser.call("Emulation.setEmulatedMedia", media="print")
    try:
        assert browser.run("document.querySelector('.controls').offsetParent === null")
        assert browser.run("document.querySelector('.browse tbody tr').offsetHeight") > 0
    finally:
        browser.call("Emulation.setEmulatedMedia", media="")


def test_print_holds_every_row(browser, answer, tmp_path):
    pairs = pd.concat([answer.pairs] * 50, ignore_index=True)
    pairs["drug_name"] = [f"Drug {row}" for row in range(len(pairs))]
    (tmp_path / "many.html").write_text(render_page(replace(answer, pairs=pairs)))
    browser.open(tmp_path / "many.html")
    browser.run("dispatchEvent(new Event('beforeprint'))")
    assert len(browser.run(SHOWN)) == len(pairs) == 600
    browser.run("dispatchEvent(new Event('afterprint'))")
    assert len(browser.run(SHOWN)) == 500


@pytest.mark.parametrize("width", [1200, 400])
def test_hostile_names_are_text_of_a_bearable_length(browser, answer, tmp_path, width):
    names = pd.Series([HOSTILE[row % len(HOSTILE)] for row in range(len(answer.pairs))])
    harmful = replace(answer, pairs=answer.pairs.assign(drug_name=names, drug_id=names), name=HOSTILE[0])
    (tmp_path / "hostile.html").write_text(render_page(harmful), encoding="utf-8")
    browser.open(tmp_path / "hostile.html", width)
    assert browser.troubles() == [] and browser.run("document.title") != "taken"
    assert browser.run("document.querySelectorAll('script, img').length") == 1
    assert browser.run(FITS)
    assert browser.run(SHOWN)[:1] == [HOSTILE[0]]


@pytest.mark.slow
def test_of_many_rows_the_first_are_laid_out_and_all_are_searched(browser, answer, tmp_path):
    pairs = pd.concat([answer.pairs] * (2_000 // len(answer.pairs) + 1), ignore_index=True).head(2_000)
    pairs["drug_name"] = [f"Drug {row}" for row in range(len(pairs))]
    (tmp_path / "many.html").write_text(render_page(replace(answer, pairs=pairs)))
    browser.open(tmp_path / "many.html")
    assert browser.run("document.querySelector('output').textContent") == "2,000 of 2,000 drugs"
    assert len(browser.run(SHOWN)) == 500
    browser.run("document.querySelector('.more button').click()")
    assert len(browser.run(SHOWN)) == 1000
    browser.run(
        "find = document.querySelector('.browse input'); find.value = '1999'; find.dispatchEvent(new Event('input'))"
    )
    assert browser.run(SHOWN) == ["Drug 1999"] and browser.run("document.querySelector('.more button').hidden")
