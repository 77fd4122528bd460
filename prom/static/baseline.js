// Keeps "7 of 26 answered" up to date while somebody fills the questionnaire in; without it there is a Refresh link.
"use strict";
(() => {
  const place = document.querySelector("[data-live]");
  if (!place || !place.dataset.live) return;
  const every = 4000;
  const bar = place.querySelector("progress");
  const words = place.querySelector(".progress span");
  words.setAttribute("role", "status");
  // It ends by itself: a page that was left open must not keep its session alive for ever.
  let left = (15 * 60 * 1000) / every;
  const look = async () => {
    left -= 1;
    if (left < 0) return;
    let over = false;
    if (!document.hidden) {
      try {
        const answer = await fetch(place.dataset.live, { redirect: "error", headers: { Accept: "application/json" } });
        const now = await answer.json();
        if (bar.value !== now.answered) {
          bar.value = now.answered;
          bar.setAttribute("aria-label", now.words);
          words.textContent = now.words;
        }
        over = now.over;
      } catch {
        // A lost network or an ended session: the next look, or the Refresh link, tells.
      }
    }
    if (over) location.reload();
    else setTimeout(look, every);
  };
  setTimeout(look, every);
})();
