// Reads a patient's page aloud with the phone's own voice. Loaded only when somebody has asked for it.
"use strict";
(() => {
  const voice = window.speechSynthesis;
  const button = document.getElementById("speak");
  if (!voice || !button) return;
  const language = document.documentElement.lang;
  const read = "main :is(h1, h2, p, li, .radio-card, .button):not(#speak, nav *, footer *, .hide)";
  const speak = () => {
    voice.cancel();
    const known = voice.getVoices();
    const own = known.find((one) => one.lang.toLowerCase().startsWith(language));
    if (known.length && !own) {
      button.textContent = button.dataset.none;
      return;
    }
    for (const part of document.querySelectorAll(read)) {
      const line = new SpeechSynthesisUtterance(part.textContent.trim());
      line.lang = language === "en" ? "en" : `${language}-IN`;
      line.rate = 0.9;
      if (own) line.voice = own;
      voice.speak(line);
    }
  };
  button.hidden = false;
  button.addEventListener("click", () => (voice.speaking ? voice.cancel() : speak()));
  addEventListener("pagehide", () => voice.cancel());
  // The switch that loaded this page counts as a wish to hear it, where the browser lets a page begin by itself.
  if (voice.getVoices().length) speak();
  else voice.addEventListener("voiceschanged", speak, { once: true });
})();
