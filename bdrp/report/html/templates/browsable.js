"use strict";
/* Search, sort and filter every .browse table of a page. Rows are moved and hidden, never made: names stay text. */
for (const box of document.querySelectorAll(".browse")) {
  const body = box.querySelector("tbody"), rows = [...body.rows], heads = [...box.querySelectorAll("thead th")];
  const find = box.querySelector("input"), buttons = [...box.querySelectorAll("[data-show]")];
  const select = box.querySelector("select"), said = box.querySelector("output"), nothing = box.querySelector(".nothing");
  const folded = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
  const bare = (text) => text.replace(/[^\p{L}\p{N} ]/gu, "");
  const first = new Map(rows.map((row, at) => [row, at])), texts = new Map();
  const text = (row) => {
    if (!texts.has(row)) { const full = folded(row.textContent); texts.set(row, full + "\n" + bare(full)); }
    return texts.get(row);
  };
  let shown = "", sorted = -1, direction = 1;
  function show() {
    const words = folded(find.value).split(/\s+/).filter(Boolean);
    let count = 0;
    for (const row of rows) {
      const fits = (!shown || row.dataset.group === shown)
        && words.every((word) => text(row).includes(word) || (bare(word) && text(row).includes(bare(word))));
      row.hidden = !fits;
      count += fits;
    }
    said.textContent = `${count.toLocaleString("en")} of ${rows.length.toLocaleString("en")} ${box.dataset.noun}`;
    nothing.hidden = count > 0;
  }
  function key(row, at) {
    const cell = row.cells[at], order = cell.dataset.order;
    return order === undefined ? folded(cell.textContent) : order === "" ? null : Number(order);
  }
  function sort(at, way) {
    [sorted, direction] = [at, way];
    const keys = new Map(rows.map((row) => [row, at < 0 ? first.get(row) : key(row, at)]));
    const compare = (a, b) => typeof a === "string" ? a.localeCompare(b, "en", { numeric: true }) : a - b;
    const order = [...rows].sort((a, b) => {
      const [x, y] = [keys.get(a), keys.get(b)];
      if (x === null || y === null) return (x === null) - (y === null) || first.get(a) - first.get(b);
      return way * compare(x, y) || first.get(a) - first.get(b);
    });
    body.append(...order);
    heads.forEach((head, i) => i === at ? head.setAttribute("aria-sort", way > 0 ? "ascending" : "descending") : head.removeAttribute("aria-sort"));
    select.value = `${at},${way}`;
  }
  select.add(new Option("the answer's own order", "-1,1"));
  heads.forEach((head, at) => {
    if (!("sortable" in head.dataset)) return;
    const label = head.querySelector(".head"), button = document.createElement("button");
    button.type = "button";
    button.className = "head";
    button.textContent = label.textContent;
    button.addEventListener("click", () => sorted !== at ? sort(at, 1) : direction > 0 ? sort(at, -1) : sort(-1, 1));
    label.replaceWith(button);
    select.add(new Option(`${label.textContent}, rising`, `${at},1`));
    select.add(new Option(`${label.textContent}, falling`, `${at},-1`));
  });
  select.addEventListener("change", () => sort(...select.value.split(",").map(Number)));
  find.addEventListener("input", show);
  for (const button of buttons) button.addEventListener("click", () => {
    shown = button.dataset.show;
    for (const one of buttons) one.setAttribute("aria-pressed", String(one === button));
    show();
  });
  box.querySelector(".controls").hidden = false;
  show();
}
