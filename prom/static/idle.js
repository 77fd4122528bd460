// Two minutes before a session ends for want of a visit, offer to stay: what was typed must not be lost.
"use strict";
(() => {
  const box = document.getElementById("idle");
  const token = document.querySelector('input[name="csrf_token"]');
  if (!box || !token) return;
  const before = 1000 * Number(box.dataset.warn);
  let timer = 0;
  const wait = () => {
    clearTimeout(timer);
    timer = setTimeout(() => { box.hidden = false; box.focus(); }, before);
  };
  box.querySelector("button").addEventListener("click", async () => {
    const answer = await fetch(box.dataset.stay, {
      method: "POST", redirect: "manual", headers: { "X-CSRFToken": token.value },
    }).catch(() => null);
    if (answer && answer.status === 204) { box.hidden = true; wait(); return; }
    box.querySelector("p").textContent = box.dataset.over;
  });
  wait();
})();
