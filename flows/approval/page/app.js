"use strict";
(() => {
  const words = JSON.parse(document.getElementById("words").textContent);
  const { run, status, text, scene, cause } = document.body.dataset;
  const filter = { run, status, text, scene, cause };
  const list = document.getElementById("list");
  const stage = document.getElementById("picture");
  const toast = document.querySelector(".toast");
  const made = []; // decisions of this visit, for undo: {job}
  const pages = new Map(); // pictures fetched ahead
  let busy = false;
  let boxes = true;

  const me = () => localStorage.getItem("shangxin-who") || document.body.dataset.who || "";
  const shown = () => stage.querySelector(".picture");
  const entries = () => [...list.querySelectorAll(".entry")];
  const entryOf = (job) => entries().find((entry) => entry.dataset.job === job);
  const current = () => list.querySelector('[aria-current="true"]');
  const newKey = () => [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");

  const say = (message, kind = "") => {
    toast.textContent = message;
    toast.className = `toast ${kind}`;
    toast.hidden = !message;
    clearTimeout(say.timer);
    say.timer = setTimeout(() => (toast.hidden = true), 6000);
  };

  // The same request goes out again when no answer came: its key makes a second arrival harmless.
  const post = async (address, body) => {
    for (let turn = 0; turn < 3; turn += 1) {
      try {
        const answer = await fetch(address, {
          method: "POST",
          headers: { "content-type": "application/json", "x-shangxin": "1" },
          body: JSON.stringify(body),
        });
        if (answer.status < 500) return { status: answer.status, body: await answer.json().catch(() => ({})) };
      } catch {
        // the line is cut: wait a moment
      }
      await new Promise((done) => setTimeout(done, 400 * 2 ** turn));
    }
    return null;
  };

  const fragment = async (address) => {
    const answer = await fetch(address);
    if (!answer.ok) throw new Error(String(answer.status));
    return answer.text();
  };

  const dress = () => {
    for (const image of stage.querySelectorAll("img[data-missing]")) {
      const fail = () => {
        image.hidden = true;
        const note = image.parentElement.querySelector(".missing");
        if (note) note.hidden = false;
        image.parentElement.querySelector(".boxes")?.remove();
      };
      if (image.complete && image.naturalWidth === 0 && image.currentSrc) fail();
      else image.addEventListener("error", fail, { once: true });
    }
    stage.classList.toggle("bare", !boxes);
    stage.querySelector('[data-do="boxes"]')?.setAttribute("aria-pressed", String(boxes));
  };

  const picturePage = (job) => {
    if (!pages.has(job)) {
      if (pages.size > 12) pages.clear();
      pages.set(job, fragment(`/picture/${job}?run=${encodeURIComponent(run)}`));
    }
    return pages.get(job);
  };

  const fetchAhead = async (job) => {
    try {
      const ahead = new DOMParser().parseFromString(await picturePage(job), "text/html");
      for (const image of ahead.querySelectorAll(".master img, .original img")) new Image().src = image.getAttribute("src");
    } catch {
      pages.delete(job);
    }
  };

  const show = async (job, { fresh = false } = {}) => {
    const entry = entryOf(job);
    for (const other of entries()) other.setAttribute("aria-current", String(other === entry));
    entry?.scrollIntoView({ block: "nearest", inline: "nearest" });
    if (fresh) pages.delete(job);
    try {
      const page = await picturePage(job);
      pages.delete(job); // the next look is a fresh one
      if (current()?.dataset.job !== job) return;
      stage.innerHTML = page; // our own template, in which every value is escaped
      dress();
      stage.scrollTo(0, 0);
      if (matchMedia("(max-width: 820px)").matches) scrollTo(0, 0);
    } catch {
      pages.delete(job);
      say(words.offline, "bad");
      return;
    }
    const following = next(1);
    if (following) fetchAhead(following.dataset.job);
    else loadMore();
  };

  const next = (step, undecided = false) => {
    const all = entries();
    for (let at = all.indexOf(current()) + step; at >= 0 && at < all.length; at += step) {
      if (!undecided || !all[at].dataset.done) return all[at];
    }
    return null;
  };

  const loadMore = async () => {
    const more = list.querySelector(".more");
    if (!more || more.dataset.loading) return;
    more.dataset.loading = "1";
    const query = new URLSearchParams({ ...filter, after: more.firstElementChild.dataset.after });
    try {
      const page = await fragment(`/list?${query}`);
      more.remove();
      list.insertAdjacentHTML("beforeend", page);
      watch();
    } catch {
      delete more.dataset.loading;
      say(words.offline, "bad");
    }
  };

  const watcher = new IntersectionObserver((seen) => seen.some((each) => each.isIntersecting) && loadMore(), { rootMargin: "400px" });
  const watch = () => {
    watcher.disconnect();
    const more = list.querySelector(".more");
    if (more) watcher.observe(more);
  };

  const move = async (step, undecided = false) => {
    if (step > 0 && !next(step, undecided)) await loadMore();
    const entry = next(step, undecided) || (undecided ? entries().find((each) => !each.dataset.done) : null);
    if (entry) await show(entry.dataset.job);
    else if (undecided) finish();
  };

  const finish = () => {
    stage.replaceChildren();
    document.querySelector(".nothing").hidden = false;
    document.querySelector(".actions").hidden = made.length === 0;
    document.body.classList.add("finished");
  };

  const mark = (job, kind, word) => {
    const entry = entryOf(job);
    if (!entry) return;
    const away = kind && kind !== status;
    if (away) entry.dataset.done = kind;
    else delete entry.dataset.done;
    entry.title = away ? word : "";
  };

  const decide = async (decision, more = {}) => {
    const picture = shown();
    if (!picture || busy) return;
    busy = true;
    document.body.classList.add("busy");
    const { job, version } = picture.dataset;
    const pending = decide.pending;
    // pressed again after a cut line: still the same request
    const key = pending && pending.job === job && pending.decision === decision && pending.version === version ? pending.key : newKey();
    decide.pending = { job, decision, version, key };
    const answer = await post("/decide", { run, job_id: job, decision, version, request: key, who: me(), ...more });
    busy = false;
    document.body.classList.remove("busy");
    if (!answer) return say(words.offline, "bad");
    decide.pending = null;
    standing();
    if (answer.status !== 200) {
      say(answer.body.message || `${answer.status} ${JSON.stringify(answer.body.detail || "")}`, "bad");
      return show(job, { fresh: true });
    }
    mark(job, answer.body.status, answer.body.status_word);
    if (decision === "undo") return show(job, { fresh: true });
    made.push(job);
    return move(1, true);
  };

  const undo = async () => {
    if (busy) return;
    const job = made.pop() || (shown()?.querySelector(".history") ? shown().dataset.job : "");
    if (!job) return say(words.nothing_to_undo);
    document.querySelector(".nothing").hidden = true;
    document.querySelector(".actions").hidden = false;
    document.body.classList.remove("finished");
    if (shown()?.dataset.job !== job || !shown().querySelector(".history")) await show(job, { fresh: true });
    await decide("undo");
  };

  const open = (id) => {
    const dialog = document.getElementById(id);
    dialog.returnValue = "";
    dialog.showModal();
    return new Promise((done) => dialog.addEventListener("close", () => done(dialog.returnValue), { once: true }));
  };

  const askCause = async () => {
    const first = shown().dataset.causes.split(" ").filter(Boolean);
    const place = ([id]) => (first.includes(id) ? first.indexOf(id) : 100);
    const causes = [...words.causes].sort((one, other) => place(one) - place(other));
    const items = causes.map(([id, name], at) => {
      const button = document.createElement("button");
      button.value = id;
      const key = document.createElement("kbd");
      key.textContent = at < 9 ? String(at + 1) : id === "other" ? "0" : "";
      button.append(key, name);
      if (first.includes(id)) button.className = "found";
      const item = document.createElement("li");
      item.append(button);
      return item;
    });
    document.querySelector("#reject .causes").replaceChildren(...items);
    const chosen = await open("reject");
    if (chosen && chosen !== "cancel") await decide("reject", { cause: chosen });
  };

  const askWords = async () => {
    const input = document.getElementById("words-input");
    input.value = "";
    if ((await open("new_take")) === "ok") await decide("new_take", { words: input.value.trim() });
  };

  const askBulk = async () => {
    const query = new URLSearchParams(filter);
    const { count } = JSON.parse(await fragment(`/count?${query}`));
    if (!count) return location.reload();
    document.querySelector("#bulk h2").textContent = words.approve_all_ask.replace("{count}", count.toLocaleString());
    if ((await open("bulk")) !== "ok") return undefined;
    document.body.classList.add("busy");
    const answer = await post("/approve-all", { ...filter, count, request: newKey(), who: me() });
    document.body.classList.remove("busy");
    if (!answer) return say(words.offline, "bad");
    if (answer.status !== 200) return say(answer.body.message || String(answer.status), "bad");
    sessionStorage.setItem("shangxin-said", answer.body.message);
    return location.reload();
  };

  const askWho = async () => {
    const input = document.getElementById("who-input");
    input.value = me();
    if ((await open("who")) === "ok") localStorage.setItem("shangxin-who", input.value.trim());
    document.querySelector(".me").textContent = me() || "—";
  };

  const standing = async () => {
    try {
      const found = JSON.parse(await fragment(`/standing?run=${encodeURIComponent(run)}`));
      const line = document.querySelector(".standing");
      line.textContent = found.message;
      line.classList.toggle("bad", found.trouble);
      document.querySelector(".publish").hidden = !found.can_publish;
      for (const count of document.querySelectorAll("[data-count]")) count.textContent = found[count.dataset.count].toLocaleString();
      clearTimeout(standing.timer);
      standing.timer = setTimeout(standing, found.busy ? 1500 : 20000);
    } catch {
      clearTimeout(standing.timer);
      standing.timer = setTimeout(standing, 20000);
    }
  };

  const acts = {
    approve: () => decide("approve"),
    reject: askCause,
    new_take: askWords,
    skip: () => move(1),
    undo,
    bulk: askBulk,
    who: askWho,
    publish: async () => (await post("/publish", { run })) && standing(),
    boxes: () => {
      boxes = !boxes;
      dress();
    },
    close: () => document.querySelector("dialog[open]")?.close(),
  };
  const keys = { a: "approve", r: "reject", t: "new_take", s: "skip", u: "undo", b: "boxes" };
  const needsPicture = new Set(["approve", "reject", "new_take", "skip", "boxes"]);
  const act = (name) => {
    if (busy || (needsPicture.has(name) && !shown())) return;
    acts[name]();
  };

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-do]");
    if (button) return act(button.dataset.do);
    const entry = event.target.closest(".entry");
    if (entry) return show(entry.dataset.job);
    if (event.target.closest(".more")) loadMore();
    if (event.target.nodeName === "DIALOG") event.target.close();
    return undefined;
  });

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const dialog = document.querySelector("dialog[open]");
    if (dialog) {
      const button = [...dialog.querySelectorAll(".causes button")].find((each) => each.firstChild.textContent === event.key);
      if (dialog.id === "reject" && button) {
        event.preventDefault();
        button.click();
      }
      return;
    }
    if (event.target.matches("input, select, textarea")) return;
    const name = keys[event.key.toLowerCase()];
    if (name && !event.repeat) {
      event.preventDefault();
      act(name);
    } else if (["ArrowRight", "ArrowDown", "ArrowLeft", "ArrowUp"].includes(event.key)) {
      event.preventDefault();
      move(event.key === "ArrowRight" || event.key === "ArrowDown" ? 1 : -1);
    }
  });

  // a finding's line and its box in the picture point at each other
  const point = (event) => {
    const mark = event.type === "mouseover" ? event.target.closest("[data-mark]")?.dataset.mark : "";
    for (const each of stage.querySelectorAll("[data-mark]")) each.classList.toggle("pointed", each.dataset.mark === mark);
  };
  stage.addEventListener("mouseover", point);
  stage.addEventListener("mouseleave", point);

  // a finger goes through the pictures; deciding stays with the buttons
  let touch = null;
  stage.addEventListener("touchstart", (event) => (touch = event.touches.length === 1 ? event.touches[0] : null), { passive: true });
  stage.addEventListener("touchend", (event) => {
    if (!touch) return;
    const [x, y] = [event.changedTouches[0].clientX - touch.clientX, event.changedTouches[0].clientY - touch.clientY];
    if (Math.abs(x) > 70 && Math.abs(y) < 40) move(x < 0 ? 1 : -1);
    touch = null;
  });

  for (const select of document.querySelectorAll(".filter select, .runs select")) {
    select.addEventListener("change", () => select.form.requestSubmit());
  }

  const tally = async () => {
    const found = JSON.parse(await fragment(`/tally?run=${encodeURIComponent(run)}&status=${status}`));
    for (const [name, options] of Object.entries(found)) {
      const select = document.querySelector(`.filter select[name="${name}"]`);
      select.replaceChildren(
        select.firstElementChild,
        ...options.map(([id, title, count]) => new Option(`${title} · ${count.toLocaleString()}`, id, false, id === filter[name])),
      );
    }
  };

  document.querySelector(".me").textContent = me() || "—";
  dress();
  watch();
  standing();
  tally().catch(() => undefined);
  const said = sessionStorage.getItem("shangxin-said");
  if (said) {
    sessionStorage.removeItem("shangxin-said");
    say(said);
  }
  const second = current() && next(1);
  if (second) fetchAhead(second.dataset.job);
})();
