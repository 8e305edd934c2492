// SPDX-License-Identifier: MIT
// What is under the pointer, the width of the picture, one owner at a time, groups opened.
"use strict";
(() => {
    const details = document.getElementById("details");
    const show = (event) => {
        const item = event.target.closest("[data-about]");
        details.hidden = !item;
        if (item) details.textContent = item.dataset.about;
    };
    const picture = document.querySelector("main");
    picture.addEventListener("pointerover", show);
    picture.addEventListener("focusin", show);
    picture.addEventListener("pointerleave", () => { details.hidden = true; });

    document.getElementById("zoom").addEventListener("input", (event) => {
        picture.style.setProperty("--zoom", event.target.value);
    });

    const buttons = [...document.querySelectorAll("button[data-owner]")];
    for (const button of buttons) {
        button.addEventListener("click", () => {
            const on = button.getAttribute("aria-pressed") !== "true";
            for (const other of buttons) other.setAttribute("aria-pressed", String(on && other === button));
            document.body.classList.toggle("filtered", on);
            for (const one of document.querySelectorAll(".item, .list tbody")) {
                one.classList.toggle("chosen", on && one.dataset.owner === button.dataset.owner);
            }
        });
    }

    for (const button of document.querySelectorAll("button.open")) {
        button.addEventListener("click", () => button.closest("tbody").classList.toggle("opened"));
    }
})();
