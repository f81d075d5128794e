"use strict";
/* Search, sort and filter every .browse table of a page. Rows are moved, never made: names stay text. */
for (const box of document.querySelectorAll(".browse")) {
  const atOnce = 500;
  const body = box.querySelector("tbody"), heads = [...box.querySelectorAll("thead th")];
  const rows = [...body.rows, ...(box.querySelector("template")?.content.querySelectorAll("tr") ?? [])];
  const find = box.querySelector("input"), buttons = [...box.querySelectorAll("[data-show]")];
  const select = box.querySelector("select"), said = box.querySelector("output");
  const nothing = box.querySelector(".nothing"), more = box.querySelector(".more button");
  const folded = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
  const bare = (text) => text.replace(/[^\p{L}\p{N} ]/gu, "");
  const number = (count) => count.toLocaleString("en");
  const first = new Map(rows.map((row, at) => [row, at])), texts = new Map();
  const text = (row) => {
    if (!texts.has(row)) { const full = folded(row.textContent); texts.set(row, full + "\n" + bare(full)); }
    return texts.get(row);
  };
  let order = rows, found = rows, drawn = [...body.rows], group = "", sorted = -1, direction = 1, most = atOnce;
  function show() {
    const words = folded(find.value).split(/\s+/).filter(Boolean);
    const fits = (word, row) => text(row).includes(word) || (bare(word) && text(row).includes(bare(word)));
    found = order.filter((row) => (!group || row.dataset.group === group) && words.every((word) => fits(word, row)));
    const wanted = found.slice(0, most);
    if (wanted.length !== drawn.length || wanted.some((row, at) => row !== drawn[at])) body.replaceChildren(...wanted);
    drawn = wanted;
    said.textContent = `${number(found.length)} of ${number(rows.length)} ${box.dataset.noun}`;
    nothing.hidden = found.length > 0;
    for (const button of buttons) {
      const held = rows.filter((row) => !button.dataset.show || row.dataset.group === button.dataset.show).length;
      button.querySelector("b").textContent = number(held);
    }
    if (!more) return;
    more.hidden = found.length <= most;
    more.textContent = `Show ${number(Math.min(atOnce, found.length - most))} more`;
  }
  function key(row, at) {
    const cell = row.cells[at], given = cell.dataset.order;
    return given === undefined ? folded(cell.textContent) : given === "" ? null : Number(given);
  }
  function sort(at, way) {
    [sorted, direction] = [at, way];
    const keys = new Map(rows.map((row) => [row, at < 0 ? first.get(row) : key(row, at)]));
    const collator = new Intl.Collator("en", { numeric: true });
    const compare = (a, b) => typeof a === "string" ? collator.compare(a, b) : a - b;
    order = [...rows].sort((a, b) => {
      const [x, y] = [keys.get(a), keys.get(b)];
      if (x === null || y === null) return (x === null) - (y === null) || first.get(a) - first.get(b);
      return way * compare(x, y) || first.get(a) - first.get(b);
    });
    heads.forEach((head, i) => head.toggleAttribute("aria-sort", i === at));
    heads[at]?.setAttribute("aria-sort", way > 0 ? "ascending" : "descending");
    select.value = `${at},${way}`;
    show();
  }
  select.add(new Option("the page's own order", "-1,1"));
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
  find.addEventListener("input", () => { most = atOnce; show(); });
  more?.addEventListener("click", () => { most += atOnce; show(); });
  for (const button of buttons) button.addEventListener("click", () => {
    [group, most] = [button.dataset.show, atOnce];
    for (const one of buttons) one.setAttribute("aria-pressed", String(one === button));
    show();
  });
  box.browse = { rows, show, found: () => found, fetch: (row) => { most = Math.max(most, found.indexOf(row) + 1); show(); } };
  let before = most;
  addEventListener("beforeprint", () => { before = most; most = rows.length; show(); }); /* paper cannot be asked for more */
  addEventListener("afterprint", () => { most = before; show(); });
  box.querySelector(".controls").hidden = false;
  show();
}
