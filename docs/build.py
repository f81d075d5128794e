"""Render docs/*.md as HTML: `python docs/build.py site`."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

import markdown

DOCS = Path(__file__).resolve().parent
PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title} · bdrp</title>
<style>{style}</style>
</head>
<body>
<nav>{links}</nav>
<main>{body}</main>
</body>
</html>
"""


def main(out: Path) -> None:
    pages = sorted(DOCS.rglob("*.md"))
    for page in pages:
        target = out / page.relative_to(DOCS).with_name(_name(page))
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(_html(page), encoding="utf-8")
    if (DOCS / "images").is_dir():
        shutil.copytree(DOCS / "images", out / "images", dirs_exist_ok=True)
    print(f"{len(pages)} pages: {out / 'index.html'}")


def _html(page: Path) -> str:
    text = page.read_text(encoding="utf-8")
    body = markdown.markdown(text, extensions=["tables", "fenced_code", "sane_lists", "toc"])
    body = re.sub(r"<table>.*?</table>", r'<div class="table">\g<0></div>', body, flags=re.S)
    return PAGE.format(
        title=_title(text),
        style=(DOCS / "style.css").read_text(encoding="utf-8"),
        links=_menu(page),
        body=_relinked(body, page),
    )


def _menu(page: Path) -> str:
    """Links to the pages that docs/README.md lists, in its order."""
    listed = re.findall(r"^\| \[(.+?)\]\((.+?\.md)\)", (DOCS / "README.md").read_text(encoding="utf-8"), re.M)
    up = "../" * (len(page.relative_to(DOCS).parts) - 1)
    links = []
    for name, link in [("bdrp", "README.md"), *listed]:
        here = ' aria-current="page"' if DOCS / link == page else ""
        links.append(f'<a href="{up}{_page_of(link)}"{here}>{name}</a>')
    return " ".join(links)


def _relinked(body: str, page: Path) -> str:
    """Links between pages lead to pages; a link to a file outside docs/ has no page and becomes its text."""

    def replaced(found: re.Match[str]) -> str:
        link, rest, text = found.groups()
        if "://" in link or not link:
            return found.group()
        inside = (page.parent / link).resolve().is_relative_to(DOCS)
        return f'<a href="{_page_of(link)}{rest}">{text}</a>' if inside else text

    return re.sub(r'<a href="([^"#]*)([^"]*)">(.*?)</a>', replaced, body, flags=re.S)


def _page_of(link: str) -> str:
    return str(Path(link).with_name(_name(Path(link)))) if link.endswith(".md") else link


def _name(page: Path) -> str:
    return "index.html" if page.name == "README.md" else f"{page.stem}.html"


def _title(text: str) -> str:
    return text.partition("\n")[0].removeprefix("# ")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "site"))
