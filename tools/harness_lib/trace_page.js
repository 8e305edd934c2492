// SPDX-License-Identifier: MIT
// Filters, jumps, and what is under the pointer. Without scripts the page shows all.
"use strict";
(() => {
    const STATES = { U: "UNMAPPED", R: "RESERVING", Q: "QUARANTINED", M: "MAPPED",
        D: "DECOMMITTING", L: "RELEASING", T: "TRANSFERRING", X: "EXCLUDED" };
    const KERNEL = { "-": "nothing mapped", r: "reserved", w: "committed", F: "foreign" };
    const rows = [...document.querySelectorAll("tbody tr")];
    const details = document.getElementById("details");
    const owners = JSON.parse(document.querySelector("table").dataset.owners);
    const chunkBytes = Number(document.querySelector("table").dataset.chunkBytes);
    const numberOf = (row) => row.id.slice(1);

    for (const button of document.querySelectorAll("button[data-hide]")) {
        button.addEventListener("click", () => {
            const on = document.body.classList.toggle(`hide-${button.dataset.hide}`);
            button.setAttribute("aria-pressed", String(on));
        });
    }

    const noted = rows.filter((row) => /(^| )n-/.test(row.className));
    let at = -1;
    const go = (row) => {
        if (row) location.hash = row.id;
    };
    for (const button of document.querySelectorAll("button[data-jump]")) {
        button.addEventListener("click", () => {
            const where = button.dataset.jump;
            if (where === "failed") return go(document.querySelector("tr.failed"));
            at = Math.min(Math.max(at + (where === "next" ? 1 : -1), 0), noted.length - 1);
            return go(noted[at]);
        });
    }

    const words = (names, cell) => {
        const state = names[cell[0]] || cell;
        const owner = cell.slice(1);
        return owner ? `${state}, ${owners[owner] || `owner ${owner}`}` : state;
    };
    // The step that made the cell what it is.
    const since = (row, name, chunk) => {
        const value = row.dataset[name].split(" ")[chunk];
        let i = rows.indexOf(row);
        while (i > 0 && rows[i - 1].dataset[name].split(" ")[chunk] === value) i -= 1;
        return i > 0 ? `since step ${numberOf(rows[i])}` : "from the start";
    };
    const list = (pairs) => {
        const dl = document.createElement("dl");
        for (const [term, text] of pairs) {
            if (!text) continue;
            dl.append(Object.assign(document.createElement("dt"), { textContent: term }));
            dl.append(Object.assign(document.createElement("dd"), { textContent: text }));
        }
        return dl;
    };
    const aboutStep = (row) => {
        const active = row.querySelector("td.active");
        const text = (selector) => active.querySelector(selector)?.textContent || "";
        return [["step", `${numberOf(row)}, ${active.dataset.thread}`],
            ["does", `${row.dataset.kind} ${row.dataset.what}`], ["result", text(".text")],
            ["order", text(".order")], ["note", text(".badge").replace(/^\S/, "")]];
    };
    const aboutChunk = (row, chunk) => {
        const map = row.dataset.map.split(" ")[chunk];
        const kernel = row.dataset.kernel.split(" ")[chunk];
        const from = chunk * chunkBytes;
        const range = `[0x${from.toString(16)}, 0x${(from + chunkBytes).toString(16)})`;
        return [["step", numberOf(row)],
            ["chunk", `${chunk}${chunkBytes ? `, bytes ${range} of the window` : ""}`],
            ["map", `${words(STATES, map)} ${since(row, "map", chunk)}`],
            ["kernel", `${words(KERNEL, kernel)} ${since(row, "kernel", chunk)}`]];
    };
    document.querySelector("tbody").addEventListener("pointerover", (event) => {
        const row = event.target.closest("tr");
        if (!row) return;
        const cell = event.target.closest("td.cell");
        const cells = [...row.querySelectorAll("td.cell")];
        const chunk = cell ? cells.indexOf(cell) % (cells.length / 2) : -1;
        details.replaceChildren(list(cell ? aboutChunk(row, chunk) : aboutStep(row)));
        details.hidden = false;
    });
    document.querySelector("tbody").addEventListener("pointerleave", () => {
        details.hidden = true;
    });
})();
