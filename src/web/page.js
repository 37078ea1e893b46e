"use strict";
// Follows the session by server-sent events, counts down, and carries out a plan whose word was typed. Without it the page
// reads the same.
(() => {
  const body = document.body;
  // How old the view was when it came: a session that does not answer is older than its page.
  const told = () => Number(document.getElementById("bar")?.dataset.age) || 0;
  let heard = performance.now(), age = told();

  // Times that are counted down to by the session's clock, and a plan's end by the machine's.
  const pad = (number) => String(number).padStart(2, "0");
  const left = (ms) => {
    const s = Math.max(0, Math.floor(ms / 1000)), h = Math.floor(s / 3600), m = Math.floor(s / 60) % 60;
    return h > 0 ? `${h}:${pad(m)}:${pad(s % 60)}` : `${pad(m)}:${pad(s % 60)}`;
  };
  const write = (e, text) => { if (e && e.textContent !== text) e.textContent = text; };
  const tick = () => {
    const since = performance.now() - heard, bar = document.getElementById("bar");
    const now = bar ? Number(bar.dataset.now) + (bar.dataset.runs === "true" ? age + since : 0) : 0;
    for (const e of document.querySelectorAll("time[data-at]")) {
      const ms = Number(e.dataset.at) - now;
      if (ms > 0) write(e, left(ms));
    }
    for (const e of document.querySelectorAll("time[data-wall]")) write(e, left(Number(e.dataset.wall) - Date.now()));
    const old = (age + since) / 1000;
    write(document.getElementById("age"), old < 10 ? `${old.toFixed(1)}\u00a0s` : `${Math.floor(old)}\u00a0s`);
    const lost = body.dataset.live ? old > 5 : Boolean(body.dataset.poll) && old > 15;
    body.classList.toggle("lost", lost);
    // What was true when the session was last heard is not said of now.
    if (lost) {
      for (const e of document.querySelectorAll(".verdict.ours")) { e.className = "verdict unknown"; e.textContent = "stale"; }
      const state = document.querySelector(".state");
      if (state && since > 5000 && !state.dataset.lost) {
        state.dataset.lost = "true";
        state.textContent = `does not answer since ${new Date(Date.now() - age - since).toISOString().slice(11, 19)} UTC`;
      }
    }
  };
  setInterval(tick, 500);

  // Takes over what differs, card by card, so that nothing a person holds is pulled away.
  const merge = (old, fresh) => {
    if (!old || !fresh || old.isEqualNode(fresh)) return;
    // Lists of their own: what is taken over leaves its old place.
    const here = Array.from(old.children), there = Array.from(fresh.children);
    const same = here.length === there.length && here.every((child, place) => child.id && child.id === there[place].id);
    if (here.length > 1 && same) {
      here.forEach((child, place) => merge(child, there[place]));
    } else {
      old.replaceWith(fresh);
    }
  };
  const take = (html) => {
    const parsed = new DOMParser().parseFromString(html, "text/html");
    merge(document.getElementById("bar"), parsed.getElementById("bar"));
    merge(document.getElementById("main"), parsed.getElementById("main"));
    heard = performance.now();
    age = told();
    tick();
  };
  if (body.dataset.live) {
    const events = new EventSource(body.dataset.live);
    events.onmessage = (event) => take(event.data);
  }

  // The list of sessions has no stream of its own: it is asked for again.
  if (body.dataset.poll) {
    setInterval(async () => {
      try {
        const answer = await fetch(body.dataset.poll);
        if (answer.ok && !answer.redirected) take(await answer.text());
      } catch { /* It grows old, and says so. */ }
    }, 5000);
  }

  // Keys open pages and plans; none of them acts.
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || (event.target.matches("input") && event.key !== "Escape")) return;
    const to = document.querySelector(`[data-key="${CSS.escape(event.key)}"]`);
    if (to) { event.preventDefault(); to.click(); } else if (event.key === "Escape" && body.dataset.home) location.href = body.dataset.home;
  });

  const card = document.querySelector("[data-plan]");
  if (!card) return;
  const typing = card.querySelector(".typing"), typed = card.querySelector("#typed"), acting = card.querySelector("#acting");
  const button = card.querySelector("#do"), outcome = card.querySelector("#outcome"), sofar = card.querySelector("#typed-so-far");
  const word = card.dataset.word;
  typing.hidden = false;
  // Kept for this session and this tab alone, until it is forgotten.
  const kept = `acting ${card.dataset.post}`, forget = card.querySelector("#forget");
  acting.value = sessionStorage.getItem(kept) || "";
  forget.hidden = !acting.value;
  (acting.value ? typed : acting).focus();
  const ready = () => typed.value.trim() === word && acting.value.trim().length > 0;
  const look = () => {
    button.disabled = !ready();
    const count = `${typed.value.trim().length} of ${word.length} characters; `;
    sofar.textContent = count + (ready() ? "Enter does it" : "Enter does nothing yet");
  };
  const act = async () => {
    if (!ready()) return;
    button.disabled = true;
    typed.disabled = true;
    outcome.textContent = "Sent; the session has not answered yet.";
    let reply, status = 0;
    try {
      const headers = { "content-type": "application/json", [card.dataset.header]: acting.value.trim() };
      const plan = JSON.stringify({ plan: card.dataset.plan, typed: typed.value.trim() });
      const answer = await fetch(card.dataset.post, { method: "POST", headers, body: plan });
      status = answer.status;
      reply = await answer.json();
    } catch {
      outcome.textContent = "No answer: it may or may not have been done. Look at the session before you try again.";
      return;
    }
    if (reply.ok) {
      sessionStorage.setItem(kept, acting.value.trim());
      outcome.textContent = "Done.";
      setTimeout(() => { location.href = card.dataset.back; }, 800);
    } else {
      outcome.textContent = `Not done (${status}): ${reply.error ? reply.error.message : "no reason told"}`;
      typed.disabled = false;
      if (status === 403) sessionStorage.removeItem(kept);
      look();
    }
  };
  forget.addEventListener("click", () => {
    sessionStorage.removeItem(kept);
    acting.value = "";
    forget.hidden = true;
    acting.focus();
    look();
  });
  typed.addEventListener("input", look);
  acting.addEventListener("input", look);
  typed.addEventListener("keydown", (event) => { if (event.key === "Enter") act(); });
  button.addEventListener("click", act);
  look();
})();
