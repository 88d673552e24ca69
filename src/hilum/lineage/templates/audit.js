"use strict";
// Open what a link leads to; sort and filter tables of units. Without it the page reads the same.
const reveal = () => {
  let at = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  const target = at;
  for (; at; at = at.parentElement) if (at.tagName === "DETAILS") at.open = true;
  if (target) target.scrollIntoView();
};
addEventListener("hashchange", reveal);
for (const link of document.querySelectorAll("a[href^='#']")) link.addEventListener("click", () => { if (link.hash === location.hash) reveal(); });
if (location.hash) reveal();
for (const table of document.querySelectorAll("table.units")) {
  const tools = table.closest("section").querySelector(".tools"), said = tools.querySelector("output");
  const bodies = [...table.tBodies];
  const key = (body, i) => body.rows[0].cells[i].dataset.v ?? body.rows[0].cells[i].textContent.trim();
  [...table.tHead.rows[0].cells].forEach((head, i) => {
    const button = document.createElement("button");
    button.type = "button"; button.textContent = head.textContent; head.replaceChildren(button);
    button.addEventListener("click", () => {
      const up = head.getAttribute("aria-sort") !== "ascending";
      for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      bodies.sort((a, b) => key(a, i).localeCompare(key(b, i), "en", { numeric: !head.dataset.float }) * (up ? 1 : -1));
      if (head.dataset.float) bodies.sort((a, b) => (key(a, i) - key(b, i)) * (up ? 1 : -1));
      table.append(...bodies);
    });
  });
  const filter = () => {
    let n = 0;
    for (const body of bodies) {
      body.hidden = [...tools.querySelectorAll("[data-column]")].some((field) => {
        const text = key(body, field.dataset.column).toLowerCase(), wanted = field.value.toLowerCase();
        return wanted && (field.tagName === "SELECT" ? text !== wanted : !text.includes(wanted));
      });
      n += !body.hidden;
    }
    said.value = n + " of " + bodies.length + " shown";
  };
  tools.hidden = false;
  tools.addEventListener("input", filter);
  filter();
}
