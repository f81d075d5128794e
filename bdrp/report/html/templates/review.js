"use strict";
/* Decisions on a queue: one key saves and shows the next pair; everything is kept in the browser until it is exported. */
{
  const queue = JSON.parse(document.getElementById("pairs").textContent);
  const cards = JSON.parse(document.getElementById("cards").textContent); /* as the page's template escaped them */
  const place = `bdrp review ${queue.key}`, box = document.querySelector(".browse"), by = (id) => document.getElementById(id);
  const fields = ["comment", "measured", "measured_unit"].filter((id) => by(id));
  const words = { open: "to decide", accept: "accepted", reject: "rejected", assay: "assay ordered", skip: "skipped" };
  const ranks = Object.keys(words), rows = box.browse.rows, card = by("card"), said = by("said");
  let state = { reviewer: "", decided: {}, undo: [] }, current = null;

  function load() {
    try {
      const kept = JSON.parse(localStorage.getItem(place));
      if (kept && typeof kept.decided === "object" && Array.isArray(kept.undo)) state = { ...state, ...kept };
    } catch { say("What was kept in this browser cannot be read.", true); }
  }
  function save() {
    try { localStorage.setItem(place, JSON.stringify(state)); } catch {
      say("This browser keeps nothing: export before you close the page.", true);
    }
  }
  function say(text, wrong = false) { said.textContent = text; said.classList.toggle("wrong", wrong); }
  const at = (row) => Number(row.dataset.opens);
  const entry = (pair) => state.decided[pair] ?? {};
  const name = (row) => row.querySelector(".open").textContent;

  function mark(row) {
    const decision = entry(at(row)).decision || "open", cell = row.querySelector(".k-group");
    row.className = `g-${decision}`;
    row.dataset.group = decision;
    cell.dataset.order = ranks.indexOf(decision);
    cell.querySelector(".chip").textContent = words[decision];
  }
  function count() {
    const done = Object.values(state.decided).filter((one) => one.decision).length;
    by("progress").value = done;
    by("told").textContent = `${done.toLocaleString("en")} of ${rows.length.toLocaleString("en")} decided`;
  }
  const beside = matchMedia("(min-width: 66rem)");
  function open(row, focus = false) {
    current?.removeAttribute("aria-current");
    current = row;
    if (!row) return;
    row.setAttribute("aria-current", "true");
    const laid = document.createElement("template");
    laid.innerHTML = cards[at(row)];
    card.replaceChildren(laid.content);
    const structure = card.querySelector(".structure");
    structure?.append(by(`structure-${structure.dataset.structure}`).content.cloneNode(true));
    const held = entry(at(row));
    for (const id of fields) if (id !== "measured_unit" || held[id]) by(id).value = held[id] ?? "";
    for (const button of document.querySelectorAll("[data-decide]")) {
      button.setAttribute("aria-pressed", String(button.dataset.decide === held.decision));
    }
    if (!row.isConnected) box.browse.fetch(row);
    if (focus) card.focus({ preventScroll: true });
    if (beside.matches && by("card").dataset.shown) row.scrollIntoView({ block: "nearest", behavior: "instant" });
    else if (by("card").dataset.shown) document.querySelector(".side").scrollIntoView({ behavior: "instant" });
    by("card").dataset.shown = "yes";
  }
  function step(way, open_only = false) {
    const found = box.browse.found(), here = found.indexOf(current);
    const ahead = way > 0 ? found.slice(here + 1) : found.slice(0, Math.max(here, 0)).reverse();
    const fits = (row) => !open_only || !entry(at(row)).decision;
    return ahead.find(fits) ?? (open_only ? found.find((row) => row !== current && fits(row)) : undefined);
  }
  function change(row, what) {
    const pair = at(row);
    state.undo.push([pair, state.decided[pair] ?? null]);
    state.undo.splice(0, state.undo.length - 500);
    state.decided[pair] = { ...entry(pair), ...what, time: new Date().toISOString() };
    mark(row);
    count();
    save();
  }
  function decide(decision) {
    if (!current) return;
    const row = current, next = step(1, true);
    say(`${name(row)}: ${words[decision]}.`);
    change(row, { decision });
    box.browse.show();
    open(next ?? row);
    if (!next) say(`${name(row)}: ${words[decision]}. All pairs shown are decided; export them.`);
  }
  function undo() {
    const last = state.undo.pop();
    if (!last) return say("There is nothing to undo.");
    const [pair, before] = last, row = rows.find((one) => at(one) === pair);
    if (before) state.decided[pair] = before; else delete state.decided[pair];
    mark(row);
    count();
    save();
    box.browse.show();
    open(row);
    say(`${name(row)}: undone, ${words[entry(pair).decision || "open"]}.`);
  }
  function records() {
    const kept = (pair, name) => queue.pairs[pair][name] ?? "";
    const done = Object.keys(state.decided).map(Number).sort((a, b) => a - b)
      .filter((pair) => ["decision", "comment", "measured"].some((name) => entry(pair)[name]));
    return done.map((pair) => {
      const one = entry(pair), decision = one.decision || "skip", measured = (one.measured || "").trim();
      const answer = { reviewer: state.reviewer, time: one.time, decision, comment: (one.comment || "").trim(), measured };
      answer.measured_unit = measured ? one.measured_unit || by("measured_unit")?.value || "" : "";
      const text = (name) => String(name in answer ? answer[name] : kept(pair, name));
      return { ...Object.fromEntries(queue.fields.map((name) => [name, text(name)])),
        ...Object.fromEntries(queue.kept.map((name) => [name, kept(pair, name)])) };
    });
  }
  function cell(value) {
    let text = String(value);
    if (typeof value === "string") {
      text = text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, " ");
      if (/^\s*[=+\-@|%\uff1d\uff0b\uff0d\uff20]/.test(text)) text = `'${text}`; /* no spreadsheet runs it */
    }
    return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  }
  function export_as(suffix) {
    state.reviewer = by("reviewer").value.trim();
    const done = records();
    if (!done.length) return say("Nothing is decided yet.", true);
    if (!state.reviewer) { by("reviewer").focus(); return say("Who decides? Enter your name first.", true); }
    const heads = [...queue.fields, ...queue.kept];
    const lines = [heads, ...done.map((one) => heads.map((head) => one[head]))];
    const text = suffix === "csv" ? lines.map((line) => line.map(cell).join(",") + "\n").join("")
      : JSON.stringify({ queue: queue.key, exported: new Date().toISOString(), decisions: done }, null, 1) + "\n";
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type: suffix === "csv" ? "text/csv" : "application/json" }));
    link.download = `decisions.${suffix}`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60000);
    say(`${done.length.toLocaleString("en")} decisions in decisions.${suffix}; hand it to bdrp review.`);
  }

  const keys = { a: () => decide("accept"), r: () => decide("reject"), o: () => decide("assay"), s: () => decide("skip"), u: undo,
    c: () => by("comment").focus(), j: () => open(step(1) ?? current), k: () => open(step(-1) ?? current),
    "/": () => box.querySelector("input").focus() };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.matches("input, textarea, select")) {
      if (event.key === "Escape") card.focus({ preventScroll: true });
      return;
    }
    const act = keys[event.key.toLowerCase()];
    if (act) { event.preventDefault(); act(); }
  });
  for (const button of document.querySelectorAll("[data-decide]")) button.addEventListener("click", () => decide(button.dataset.decide));
  for (const [id, act] of [["next", keys.j], ["previous", keys.k], ["undo", undo], ["csv", () => export_as("csv")], ["json", () => export_as("json")]]) {
    by(id).addEventListener("click", act);
  }
  for (const id of fields) by(id).addEventListener("input", () => {
    if (!current) return;
    const pair = at(current);
    state.decided[pair] = { time: new Date().toISOString(), ...entry(pair), [id]: by(id).value };
    save();
  });
  by("reviewer").addEventListener("input", () => { state.reviewer = by("reviewer").value.trim(); save(); });
  box.querySelector("tbody").addEventListener("click", (event) => {
    const row = event.target.closest("tr");
    if (row) open(row, Boolean(event.target.closest(".open")));
  });
  load();
  by("reviewer").value = state.reviewer;
  for (const row of rows) if (entry(at(row)).decision) mark(row);
  box.browse.show();
  count();
  open(rows.find((row) => !entry(at(row)).decision) ?? rows[0]);
}
