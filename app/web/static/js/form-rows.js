// Rows of a form that can be added and taken away; without scripts the page simply offers a few spare rows.
//
// <fieldset data-rows><div class="form-rows">…<div class="form-row" data-row>…</div></div>
// <button type="button" data-row-add hidden>…</button></fieldset>

function renumber(group) {
  [...group.querySelectorAll("[data-row]")].forEach((row, index) => {
    for (const part of row.querySelectorAll("[id], [for]")) {
      for (const name of ["id", "for"]) {
        const value = part.getAttribute(name);
        if (value) part.setAttribute(name, value.replace(/-\d+$/, `-${index}`));
      }
    }
  });
}

function changed(group) {
  group.dispatchEvent(new Event("change", { bubbles: true }));
}

function empty(row) {
  for (const field of row.querySelectorAll("input, select, textarea")) {
    field.value = field.dataset.empty ?? "";
  }
}

for (const group of document.querySelectorAll("[data-rows]")) {
  const add = group.querySelector("[data-row-add]");
  const rows = () => [...group.querySelectorAll("[data-row]")];
  add.hidden = false;
  for (const button of group.querySelectorAll("[data-row-remove]")) button.hidden = false;
  add.addEventListener("click", () => {
    const row = rows().at(-1).cloneNode(true);
    empty(row);
    rows().at(-1).after(row);
    renumber(group);
    row.querySelector("input, select, textarea").focus();
    changed(group);
  });
  group.addEventListener("click", (event) => {
    const button = event.target instanceof Element ? event.target.closest("[data-row-remove]") : null;
    if (!button) return;
    const row = button.closest("[data-row]");
    if (rows().length === 1) {
      empty(row);
    } else {
      row.remove();
      renumber(group);
    }
    changed(group);
  });
}
