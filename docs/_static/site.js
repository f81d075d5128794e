// What the theme leaves without a name, a level or a place for the keyboard. A page reads without it.
"use strict";

function complete() {
  for (const caption of document.querySelectorAll('p.caption[role="heading"]')) caption.setAttribute("aria-level", "2");
  for (const [drawer, name] of [[".sidebar-drawer", "Pages"], [".toc-drawer", "On this page"]])
    document.querySelector(drawer)?.setAttribute("aria-label", name);

  // The empty corner above the row names of a table is no heading of anything.
  for (const corner of document.querySelectorAll("article th"))
    if (!corner.textContent.trim()) corner.replaceWith(document.createElement("td"));

  // What is hidden is named by its own words.
  for (const summary of document.querySelectorAll("summary[aria-label]")) summary.removeAttribute("aria-label");

  if (!document.querySelector("h1")) {
    const title = document.createElement("h1");
    title.textContent = document.title.split(" - ")[0];
    document.querySelector("article")?.prepend(title);
  }
}

// What scrolls sideways can be scrolled by keys.
function reach() {
  for (const box of document.querySelectorAll("article pre, article .table-wrapper, article .cell_output, article p:has(> img)"))
    if (box.scrollWidth > box.clientWidth || box.scrollHeight > box.clientHeight) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
}

document.addEventListener("DOMContentLoaded", () => { complete(); reach(); });
window.addEventListener("load", reach);
window.addEventListener("resize", reach);
