// SPDX-License-Identifier: MIT
// Draws each address space over time, zooms, and tells what is under the pointer.
"use strict";
(() => {
    const LEFT = 128, RIGHT = 14, TOP = 18, BOTTOM = 22; // margins of the picture
    const LOW = 0, HIGH = 1, FROM = 2, TO = 3, ORIGIN = 4, ACCESS = 5, LINE = 6;
    const details = document.getElementById("details");
    const dark = matchMedia("(prefers-color-scheme: dark)");
    const views = [];

    const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name);
    const bytes = (number) => {
        const units = ["bytes", "KiB", "MiB", "GiB", "TiB"];
        let unit = 0;
        while (number >= 1024 && unit < 4) { number /= 1024; unit += 1; }
        return `${Number(number.toPrecision(4))} ${units[unit]}`;
    };
    const hex = (address) => `0x${address.toString(16)}`;
    const access = (bits) => bits ? ["r", "w", "x"].filter((_, i) => bits >> i & 1).join("")
        : "none: only reserved";
    const hues = [];
    for (let i = 0; i < 8; i += 1) {
        const probe = Object.assign(document.createElement("i"), { className: `o${i}` });
        document.body.append(probe);
        hues.push(getComputedStyle(probe).getPropertyValue("--h").trim());
        probe.remove();
    }
    const list = (pairs) => {
        const dl = document.createElement("dl");
        for (const [term, text, look] of pairs) {
            dl.append(Object.assign(document.createElement("dt"), { textContent: term }));
            dl.append(Object.assign(document.createElement("dd"),
                { textContent: text, className: look || "" }));
        }
        return dl;
    };

    class View {
        constructor(section) {
            this.section = section;
            this.data = JSON.parse(section.querySelector(".drawing").textContent);
            const lines = section.closest("article").querySelector(".lines");
            this.data.lines = JSON.parse(lines.textContent);
            this.map = section.querySelector("canvas.map");
            this.curve = section.querySelector("canvas.curve");
            this.colour = "thread";
            this.at = -1; // the overwriting that is shown
            this.whole();
            this.listen();
            this.draw();
        }

        whole() {
            this.time = [...this.data.span];
            this.height = [0, 1];
        }

        // Places: times to the right, heights upwards.
        x(time) {
            const [from, to] = this.time;
            return LEFT + (time - from) / (to - from) * (this.width - LEFT - RIGHT);
        }
        y(height) {
            const [from, to] = this.height;
            return this.tall - BOTTOM - (height - from) / (to - from) * (this.tall - TOP - BOTTOM);
        }
        timeAt(x) {
            const [from, to] = this.time;
            return from + (x - LEFT) / (this.width - LEFT - RIGHT) * (to - from);
        }
        heightAt(y) {
            const [from, to] = this.height;
            return from + (this.tall - BOTTOM - y) / (this.tall - TOP - BOTTOM) * (to - from);
        }

        hueOf(origin) {
            const [, kind, thread] = this.data.origins[origin];
            const number = this.colour === "thread" ? thread : this.data.kinds.indexOf(kind);
            return number < this.data.colours ? hues[number] : null;
        }
        fill(hue, bits) {
            const light = css(bits === 0 ? "--reserved" : bits & 2 ? "--writable" : "--readable");
            return hue === null ? `hsl(220 6% ${light})` : `hsl(${hue} 62% ${light})`;
        }

        draw() {
            this.legend();
            this.drawMap();
            this.drawCurve();
        }
        prepare(canvas) {
            const scale = devicePixelRatio || 1;
            const box = canvas.getBoundingClientRect();
            const tall = canvas === this.map ? 760 : 72;
            canvas.width = box.width * scale;
            canvas.height = tall * scale;
            canvas.style.height = `${tall}px`;
            this.width = box.width;
            const pen = canvas.getContext("2d");
            pen.scale(scale, scale);
            pen.clearRect(0, 0, box.width, tall);
            pen.font = "11px ui-monospace, 'DejaVu Sans Mono', monospace";
            return pen;
        }

        drawMap() {
            const pen = this.prepare(this.map);
            this.tall = 760;
            this.drawGrid(pen);
            pen.save();
            pen.beginPath();
            pen.rect(LEFT, TOP - 10, this.width - LEFT - RIGHT, this.tall - TOP - BOTTOM + 10);
            pen.clip();
            const { heights } = this.data;
            for (const life of this.data.lives) {
                const low = this.y(heights[life[LOW]]), high = this.y(heights[life[HIGH]]);
                const from = this.x(life[FROM]), to = this.x(life[TO]);
                if (to < LEFT || from > this.width || low < TOP || high > this.tall) continue;
                pen.fillStyle = this.fill(this.hueOf(life[ORIGIN]), life[ACCESS]);
                pen.fillRect(from, high, Math.max(to - from, 0.7), Math.max(low - high - 0.4, 0.6));
            }
            this.data.overwrites.forEach((one, i) => this.drawOverwrite(pen, one, i === this.at));
            pen.restore();
            if (this.dragged) this.drawDrag(pen);
        }
        drawOverwrite(pen, [, low, high, event, how], chosen) {
            const { heights } = this.data;
            const x = this.x(event);
            const bottom = this.y(heights[low]), top = this.y(heights[high]);
            pen.fillStyle = css(how === "unmapped" ? "--other" : "--bad");
            pen.beginPath();
            pen.moveTo(x - 4, TOP - 9);
            pen.lineTo(x + 4, TOP - 9);
            pen.lineTo(x, TOP - 1);
            pen.fill();
            pen.globalAlpha = chosen ? 0.6 : 0.12;
            pen.fillRect(x - 0.5, TOP, 1, this.tall - TOP - BOTTOM);
            pen.globalAlpha = 1;
            const middle = (bottom + top) / 2, half = Math.max((bottom - top) / 2, 3);
            pen.fillRect(x - 1.5, middle - half, 3, 2 * half);
            if (chosen) {
                pen.strokeStyle = pen.fillStyle;
                pen.lineWidth = 1.5;
                pen.strokeRect(x - 8, middle - half - 5, 16, 2 * half + 10);
            }
        }
        drawDrag(pen) {
            const [[x, y], [x2, y2]] = this.dragged;
            pen.strokeStyle = css("--ink");
            pen.setLineDash([4, 3]);
            pen.strokeRect(x, y, x2 - x, y2 - y);
            pen.setLineDash([]);
        }

        // Empty stretches are folded. Addresses are written where one ends, and now and then.
        drawGrid(pen) {
            const { addresses, heights, empty, lines } = this.data;
            const right = this.width - RIGHT;
            pen.textBaseline = "middle";
            pen.textAlign = "right";
            let lastLabel = Infinity;
            for (let i = 0; i < empty.length; i += 1) {
                const low = this.y(heights[i]), high = this.y(heights[i + 1]);
                if (low < TOP || high > this.tall - BOTTOM) continue;
                if (empty[i]) {
                    pen.fillStyle = css("--fold");
                    pen.fillRect(LEFT, Math.max(high, TOP), right - LEFT,
                        Math.min(low, this.tall - BOTTOM) - Math.max(high, TOP));
                }
                const room = i === 0 || empty[i - 1] ? 13 : 60;
                if (!empty[i] && low < this.tall - BOTTOM + 1 && lastLabel - low > room) {
                    lastLabel = low;
                    pen.fillStyle = css("--dim");
                    pen.fillText(hex(addresses[i]), LEFT - 8, low - 5);
                    pen.fillStyle = css("--grid");
                    pen.fillRect(LEFT - 5, low - 0.5, 5, 1);
                }
            }
            pen.textAlign = "center";
            const step = this.step(this.time[1] - this.time[0]);
            for (let at = Math.ceil(this.time[0] / step) * step; at <= this.time[1]; at += step) {
                const x = this.x(at);
                pen.fillStyle = css("--grid");
                pen.fillRect(x, TOP, 1, this.tall - TOP - BOTTOM);
                pen.fillStyle = css("--dim");
                const line = lines[Math.min(at, lines.length - 1)];
                pen.fillText(`line ${line}`, Math.min(x, right - 24),
                    this.tall - BOTTOM + 12);
            }
        }
        step(range) {
            const raw = range / 10, power = 10 ** Math.floor(Math.log10(raw));
            return Math.max(1, [1, 2, 5, 10].find((n) => n * power >= raw) * power);
        }

        // Above: how many mappings, and what of the mapped bytes is accessible.
        drawCurve() {
            const pen = this.prepare(this.curve);
            const bottom = 66, room = 56;
            const most = [1, 2, 3].map((k) =>
                this.data.curve.reduce((sum, point) => Math.max(sum, point[k]), 1));
            const path = (value) => {
                pen.beginPath();
                let y = bottom;
                pen.moveTo(this.x(this.data.span[0]), bottom);
                for (const point of this.data.curve) {
                    const x = this.x(point[0]);
                    pen.lineTo(x, y);
                    y = bottom - value(point) * room;
                    pen.lineTo(x, y);
                }
                pen.lineTo(this.x(this.data.span[1]), y);
            };
            pen.save();
            pen.beginPath();
            pen.rect(LEFT, 0, this.width - LEFT - RIGHT, bottom + 2);
            pen.clip();
            path((p) => p[3] / most[2]);
            pen.lineTo(this.x(this.data.span[1]), bottom);
            pen.fillStyle = `hsl(${hues[0]} 62% ${css("--readable")})`;
            pen.fill();
            path((p) => p[1] / most[0]);
            pen.strokeStyle = css("--ink");
            pen.lineWidth = 1.2;
            pen.stroke();
            pen.restore();
            pen.textAlign = "right";
            pen.textBaseline = "middle";
            pen.fillStyle = css("--ink");
            pen.fillText(`— ${most[0]} mappings`, LEFT - 8, 14);
            pen.fillStyle = `hsl(${hues[0]} 62% ${dark.matches ? "65%" : "38%"})`;
            pen.fillText(`▆ ${bytes(most[2])}`, LEFT - 8, 32);
            pen.fillStyle = css("--dim");
            pen.fillText("accessible", LEFT - 8, 46);
        }

        legend() {
            const at = this.section.querySelector(".legend");
            const entry = (style, words, look) => {
                const span = document.createElement("span");
                const sign = Object.assign(document.createElement("i"), { className: look || "" });
                sign.style.background = style;
                span.append(sign, words);
                return span;
            };
            const { threads, kinds, colours, overwrites } = this.data;
            const names = this.colour === "thread" ? threads.slice(0, colours) : kinds;
            const parts = names.map((name, i) => entry(this.fill(hues[i], 3), name));
            if (this.colour === "thread" && threads.length > colours) {
                parts.push(entry(this.fill(null, 3), `${threads.length - colours} others`));
            }
            const gap = () => Object.assign(document.createElement("span"), { className: "gap" });
            parts.push(gap(), entry(this.fill(hues[0], 0), "only reserved"),
                entry(this.fill(hues[0], 1), "readable"), entry(this.fill(hues[0], 3), "writable"));
            if (overwrites.length) {
                parts.push(gap(), entry(css("--bad"), "mapped or moved over", "tick"),
                    entry(css("--other"), "unmapped by another thread", "tick"));
            }
            at.replaceChildren(...parts);
        }

        // What is there.
        tell(x, y) {
            const { lives, heights, addresses, origins, lines, overwrites } = this.data;
            const time = this.timeAt(x), height = this.heightAt(y);
            const near = (this.time[1] - this.time[0]) / (this.width - LEFT - RIGHT) * 4;
            const tall = (this.height[1] - this.height[0]) / (this.tall - TOP - BOTTOM) * 4;
            const pairs = [];
            const hit = overwrites.find(([, low, high, event]) => Math.abs(event - time) < near &&
                heights[low] - tall <= height && height <= heights[high] + tall);
            if (hit) {
                pairs.push(["overwritten", `line ${lines[hit[3]]}: ${hit[4]} ` +
                    `${hex(addresses[hit[1]])}-${hex(addresses[hit[2]])}`, "bad"]);
            }
            const life = lives.findLast((one) => one[FROM] <= time && time < one[TO] &&
                heights[one[LOW]] <= height && height < heights[one[HIGH]]);
            if (life) {
                const low = addresses[life[LOW]], high = addresses[life[HIGH]];
                const end = life[TO] < this.data.span[1] ? `to line ${lines[life[TO]]}` : "to the end";
                pairs.push(["range", `${hex(low)}-${hex(high)}, ${bytes(high - low)}`],
                    ["whose", origins[life[ORIGIN]][0]], ["access", access(life[ACCESS])],
                    ["mapped by", `line ${life[LINE]}`],
                    ["like this", `from line ${lines[life[FROM]]} ${end}`]);
            }
            details.replaceChildren(list(pairs));
            details.hidden = pairs.length === 0;
        }

        zoomTo(time, height) {
            const [first, last] = this.data.span;
            this.time = [Math.max(first, time[0]), Math.min(last, time[1])];
            this.height = [Math.max(0, height[0]), Math.min(1, height[1])];
            this.draw();
        }
        show(at) {
            this.at = at;
            const [, low, high, event] = this.data.overwrites[at];
            const { heights } = this.data;
            const half = Math.max(12, (this.data.span[1] - this.data.span[0]) / 40);
            const room = Math.max(heights[high] - heights[low], 0.015) * 3;
            const middle = (heights[high] + heights[low]) / 2;
            this.zoomTo([event - half, event + half], [middle - room, middle + room]);
        }

        listen() {
            const place = (event) => {
                const box = this.map.getBoundingClientRect();
                return [event.clientX - box.left, event.clientY - box.top];
            };
            let start = null;
            this.map.addEventListener("pointerdown", (event) => { start = place(event); });
            this.map.addEventListener("pointermove", (event) => {
                const now = place(event);
                if (start && event.buttons) {
                    this.dragged = [start, now];
                    this.drawMap();
                } else {
                    this.tell(...now);
                }
            });
            this.map.addEventListener("pointerleave", () => { details.hidden = true; });
            addEventListener("pointerup", () => {
                const drag = this.dragged;
                start = this.dragged = null;
                if (!drag) return;
                const [[x, y], [x2, y2]] = drag;
                if (Math.abs(x2 - x) > 6 && Math.abs(y2 - y) > 6) {
                    this.zoomTo([this.timeAt(Math.min(x, x2)), this.timeAt(Math.max(x, x2))],
                        [this.heightAt(Math.max(y, y2)), this.heightAt(Math.min(y, y2))]);
                } else {
                    this.drawMap();
                }
            });
            this.map.addEventListener("dblclick", () => this.zoomOut());
            for (const button of this.section.querySelectorAll("button[data-colour]")) {
                button.addEventListener("click", () => this.colourBy(button.dataset.colour));
            }
            for (const button of this.section.querySelectorAll("button[data-zoom]")) {
                button.addEventListener("click", () => this.go(button.dataset.zoom));
            }
        }
        zoomOut() {
            const wide = this.time[1] - this.time[0], tall = this.height[1] - this.height[0];
            this.zoomTo([this.time[0] - wide, this.time[1] + wide],
                [this.height[0] - tall, this.height[1] + tall]);
        }
        colourBy(what) {
            this.colour = what;
            for (const button of this.section.querySelectorAll("button[data-colour]")) {
                button.setAttribute("aria-pressed", String(button.dataset.colour === what));
            }
            this.draw();
        }
        go(where) {
            const most = this.data.overwrites.length;
            if (where === "all") {
                this.at = -1;
                this.whole();
                this.draw();
            } else {
                const from = this.at < 0 && where === "previous" ? 0 : this.at;
                this.show((from + (where === "next" ? 1 : -1) + most) % most);
            }
        }
    }

    for (const section of document.querySelectorAll("section.space")) views.push(new View(section));
    const redraw = () => views.forEach((view) => view.draw());
    addEventListener("resize", redraw);
    dark.addEventListener("change", redraw);
    const open = (row) => {
        const view = views.find((one) => one.section.id === row.dataset.space);
        if (!view) return;
        const number = Number(row.dataset.overwrite);
        view.show(view.data.overwrites.findIndex((one) => one[0] === number));
        view.section.scrollIntoView({ behavior: "smooth" });
    };
    for (const row of document.querySelectorAll("tr[data-overwrite]")) {
        row.addEventListener("click", () => open(row));
        row.addEventListener("keydown", (event) => { if (event.key === "Enter") open(row); });
    }
})();
